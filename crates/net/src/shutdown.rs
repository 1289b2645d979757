//! The word that the server stops, passed to everyone who must hear it.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells all holders of the matching [`Shutdown`] to stop.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// Hears that it is time to stop; clones hear the same word.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>, Option<Arc<Shutdown>>);

impl ShutdownTrigger {
    /// Tells everyone; a second call changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Waits until every token is gone: all who heard the word are done with it.
    pub async fn let_go(&self) {
        self.0.closed().await;
    }
}

impl Shutdown {
    /// A trigger and the first token that listens to it.
    pub fn pair() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver, None))
    }

    /// Hears this word or that of another token, whichever is given first.
    pub fn or(self, other: &Self) -> Self {
        let other = match self.1 {
            None => other.clone(),
            Some(further) => (*further).clone().or(other),
        };
        Self(self.0, Some(Arc::new(other)))
    }

    /// Waits for the word; returns at once when it was given before. A trigger that is gone counts
    /// as having given it. May be cancelled freely.
    pub async fn wait(&self) {
        match &self.1 {
            None => given(&self.0).await,
            Some(other) => tokio::select! {
                () = given(&self.0) => {}
                () = Box::pin(other.wait()) => {}
            },
        }
    }
}

async fn given(word: &watch::Receiver<bool>) {
    // The only error is that the trigger is gone, and then there is nobody left to wait for.
    let _ = word.clone().wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_word_is_done_with_when_the_last_token_is_gone() {
        let (trigger, shutdown) = Shutdown::pair();
        let other = shutdown.clone();
        trigger.stop();
        drop(shutdown);
        let let_go = tokio::spawn(async move { trigger.let_go().await });
        tokio::task::yield_now().await;
        assert!(!let_go.is_finished());
        drop(other);
        let_go.await.unwrap();
    }

    #[tokio::test]
    async fn every_clone_hears_the_word_before_and_after_it_is_given() {
        let (trigger, shutdown) = Shutdown::pair();
        let early = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        tokio::task::yield_now().await;
        assert!(!early.is_finished());
        trigger.stop();
        early.await.unwrap();
        shutdown.wait().await;
    }

    #[tokio::test]
    async fn either_of_two_words_is_heard() {
        for first in [true, false] {
            let ((one, hears_one), (two, hears_two)) = (Shutdown::pair(), Shutdown::pair());
            let (_never, hears_none) = Shutdown::pair();
            let either = hears_none.or(&hears_one).or(&hears_two);
            if first { &one } else { &two }.stop();
            either.wait().await;
        }
    }

    #[tokio::test]
    async fn a_lost_trigger_means_stop() {
        let (trigger, shutdown) = Shutdown::pair();
        drop(trigger);
        shutdown.wait().await;
    }
}

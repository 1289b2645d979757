//! This client's view of the selected mailbox: sequence numbers, and changes not yet told.
//!
//! Pure. A row stays in its place, though its message is gone, until the client was told of the
//! expunge: so every number that a client may use means what it meant when it was told
//! (RFC 9051 §7.5.1, RFC 2180 §4).

use service::{ChangeReceiver, IndexRow, MailboxChange};
use types::{EmailId, FlagSet, Keyword, MailboxId, MailboxName, ModSeq, Timestamp, Uid};
use wire::imap::{Bound, Code, Condition, Numbering, Responses, SequenceSet, Vanished};

use crate::enabled::Tracking;
use crate::error::ImapError;
use crate::limits::VANISHED_RANGES_MAX;

/// The selected mailbox.
pub(crate) struct Selected {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    pub(crate) view: View,
    pub(crate) changes: ChangeReceiver,
}

/// One message as this client knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) uid: Uid,
    pub(crate) email: EmailId,
    pub(crate) flags: FlagSet,
    pub(crate) modseq: ModSeq,
    pub(crate) octets: u64,
    pub(crate) internal_date: Timestamp,
    /// Expunged, and the client does not know it.
    pub(crate) gone: bool,
    news: News,
}

/// What the client does not know of a message that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    Nothing,
    /// The mod-sequence alone: the flags are what they were.
    ModSeq,
    Flags,
}

/// What a change asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Nothing more.
    Yes,
    /// Changes were missed: open the mailbox again and call [`View::compare`].
    Missed,
    /// The mailbox is no longer there.
    MailboxGone,
}

/// Which news may be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// All but expunges: sequence numbers are in use.
    KeepNumbers,
    /// All.
    All,
}

/// The messages of the mailbox; the sequence number of a message is its place, counted from 1.
#[derive(Debug)]
pub(crate) struct View {
    /// UIDs ascending.
    rows: Vec<Row>,
    /// How many rows the client knows of. Those behind are news.
    told: usize,
    gone: usize,
    /// Whether any row has news.
    has_news: bool,
    /// The mod-sequence of the last change taken in.
    modseq: ModSeq,
    /// The mod-sequence up to which the client was told of every change.
    told_modseq: ModSeq,
    keywords: Vec<Keyword>,
    keywords_are_news: bool,
    /// Opened with EXAMINE.
    read_only: bool,
    /// What `$` means: the UIDs of the last saved search, ascending (RFC 9051 §6.4.4.1). With the
    /// view it begins empty, and what was expunged means nothing any more.
    saved: Vec<Uid>,
}

impl View {
    /// The view right after SELECT; the caller tells what it shows.
    pub(crate) fn new(
        messages: &[IndexRow],
        keywords: Vec<Keyword>,
        modseq: ModSeq,
        read_only: bool,
    ) -> Self {
        let rows: Vec<Row> = messages.iter().map(row).collect();
        Self {
            told: rows.len(),
            rows,
            gone: 0,
            has_news: false,
            modseq,
            told_modseq: modseq,
            keywords,
            keywords_are_news: false,
            read_only,
            saved: Vec::new(),
        }
    }

    /// Whether this client may change nothing.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// The mod-sequence of the last change taken in, told or not.
    pub(crate) fn modseq(&self) -> ModSeq {
        self.modseq
    }

    /// The mod-sequence up to which the client was told of every change.
    pub(crate) fn told_modseq(&self) -> ModSeq {
        self.told_modseq
    }

    /// Whether messages are gone of which the client was not told yet.
    pub(crate) fn withholds(&self) -> bool {
        self.gone > 0
    }

    /// The number of messages as the client counts them.
    pub(crate) fn exists(&self) -> u32 {
        sequence(self.rows.len())
    }

    /// The place of a message.
    pub(crate) fn place(&self, uid: Uid) -> Option<usize> {
        self.rows.binary_search_by_key(&uid, |row| row.uid).ok()
    }

    /// The places that a set means, ascending. UIDs that are not there are passed over; a sequence
    /// number that is too large is the client's error (RFC 9051 §6.4.8), unless `*` stands beside it.
    pub(crate) fn places(&self, by: Numbering, set: &SequenceSet) -> Result<Vec<usize>, ImapError> {
        match by {
            Numbering::Sequence => {
                let beyond = |bound| matches!(bound, Bound::Number(n) if n.get() > self.exists());
                let wrong = set.ranges().iter().any(|range| {
                    let open = range.first == Bound::Last || range.last == Bound::Last;
                    !open && (beyond(range.first) || beyond(range.last))
                });
                if wrong {
                    return Err(ImapError::NoSuchMessage);
                }
                Ok(self.sequence_places(set))
            }
            Numbering::Uid => Ok(self.uid_places(set)),
        }
    }

    /// The places of these sequence numbers, as far as they exist.
    pub(crate) fn sequence_places(&self, set: &SequenceSet) -> Vec<usize> {
        let exists = self.exists();
        let numbers = set.resolve(exists);
        let ranges = numbers.ranges().iter();
        let places = ranges
            .flat_map(|(first, last)| *first..=(*last).min(exists))
            .filter_map(|number| usize::try_from(number - 1).ok())
            .collect();
        self.with_saved(places, set)
    }

    /// The places of these UIDs, as far as they exist.
    pub(crate) fn uid_places(&self, set: &SequenceSet) -> Vec<usize> {
        let last = self.rows.last().map_or(0, |row| row.uid.0);
        let uids = set.resolve(last);
        let ranges = uids.ranges().iter();
        let places = ranges
            .flat_map(|(first, last)| {
                let start = self.rows.partition_point(|row| row.uid.0 < *first);
                let end = self.rows.partition_point(|row| row.uid.0 <= *last);
                start..end
            })
            .collect();
        self.with_saved(places, set)
    }

    /// Adds what `$` means, if it stands in the set.
    fn with_saved(&self, mut places: Vec<usize>, set: &SequenceSet) -> Vec<usize> {
        if set.has_saved() {
            let saved = self.saved.iter().filter_map(|uid| self.place(*uid));
            places.extend(saved.filter(|place| !self.rows[*place].gone));
            places.sort_unstable();
            places.dedup();
        }
        places
    }

    /// Lets `$` mean these places, which ascend.
    pub(crate) fn save(&mut self, places: &[usize]) {
        let rows = places.iter().filter_map(|place| self.rows.get(*place));
        self.saved = rows.map(|row| row.uid).collect();
    }

    /// Takes a change in. Nothing is told yet.
    pub(crate) fn apply(&mut self, change: MailboxChange) -> Applied {
        match change {
            MailboxChange::Added(messages) => self.add(&messages),
            MailboxChange::Flags(flags) => {
                for (uid, flags, modseq) in flags {
                    self.flags_changed(uid, flags, modseq);
                }
            }
            MailboxChange::Expunged { uids, modseq } => {
                self.expunged(&uids);
                self.heard(modseq);
            }
            MailboxChange::Keywords(keywords) => self.set_keywords(keywords),
            MailboxChange::Gone => return Applied::MailboxGone,
            MailboxChange::Lagged => return Applied::Missed,
        }
        Applied::Yes
    }

    /// Finds all that changed between this view and the mailbox as it is.
    pub(crate) fn compare(
        &mut self,
        messages: &[IndexRow],
        keywords: Vec<Keyword>,
        modseq: ModSeq,
    ) {
        let still_there = |uid| messages.binary_search_by_key(&uid, |m| m.uid).is_ok();
        let lost = self.rows.iter().map(|row| row.uid);
        let lost: Vec<Uid> = lost.filter(|uid| !still_there(*uid)).collect();
        self.expunged(&lost);
        for message in messages {
            self.flags_changed(message.uid, message.flags, message.modseq);
        }
        self.add(messages);
        self.set_keywords(keywords);
        self.heard(modseq);
    }

    fn heard(&mut self, modseq: ModSeq) {
        self.modseq = self.modseq.max(modseq);
    }

    fn set_keywords(&mut self, keywords: Vec<Keyword>) {
        self.keywords_are_news |= keywords.len() != self.keywords.len();
        self.keywords = keywords;
    }

    fn add(&mut self, messages: &[IndexRow]) {
        for message in messages {
            // A message known already came with SELECT, before its change did.
            if self.rows.last().is_none_or(|last| last.uid < message.uid) {
                self.rows.push(row(message));
                self.heard(message.modseq);
            }
        }
    }

    fn flags_changed(&mut self, uid: Uid, flags: FlagSet, modseq: ModSeq) {
        self.heard(modseq);
        let Some(place) = self.place(uid) else { return };
        let told = place < self.told;
        let row = &mut self.rows[place];
        let news = if row.flags != flags {
            News::Flags
        } else if row.modseq < modseq {
            News::ModSeq
        } else {
            return;
        };
        row.flags = flags;
        row.modseq = modseq;
        if told {
            row.news = row.news.max(news);
            self.has_news = true;
        }
    }

    fn expunged(&mut self, uids: &[Uid]) {
        let told = self.told;
        for uid in uids {
            let Some(place) = self.place(*uid) else {
                continue;
            };
            if !std::mem::replace(&mut self.rows[place].gone, true) {
                self.gone += 1;
            }
        }
        // Those that the client never heard of leave without a word.
        if self.rows[told..].iter().any(|row| row.gone) {
            let before = self.rows.len();
            let mut place = 0;
            self.rows.retain(|row| {
                place += 1;
                place <= told || !row.gone
            });
            self.gone -= before - self.rows.len();
        }
    }

    /// Drops messages without a word: the client knows from its command that they are gone.
    pub(crate) fn forget(&mut self, uids: &[Uid]) {
        for uid in uids {
            if let Some(place) = self.place(*uid) {
                let row = self.rows.remove(place);
                self.gone -= usize::from(row.gone);
                self.told -= usize::from(place < self.told);
            }
        }
    }

    /// Takes new flags in that this client is told of by the command itself, or does not want to
    /// hear of; what it cannot expect stays news.
    pub(crate) fn flags_set(
        &mut self,
        uid: Uid,
        (flags, modseq): (FlagSet, ModSeq),
        expected: FlagSet,
    ) {
        let Some(place) = self.place(uid) else { return };
        let row = &mut self.rows[place];
        row.flags = flags;
        row.modseq = modseq;
        row.news = News::Nothing;
        if flags != expected {
            row.news = News::Flags;
            self.has_news = true;
        }
    }

    /// The client hears the flags of this row now.
    pub(crate) fn flags_told(&mut self, place: usize) {
        if let Some(row) = self.rows.get_mut(place) {
            row.news = News::Nothing;
        }
    }

    /// Tells the news: expunges from the last to the first, so that no number shifts before its
    /// turn, then the new count, then keywords, then flags.
    pub(crate) fn tell(&mut self, how: Tell, tracking: Tracking, responses: &mut Responses) {
        if how == Tell::All && self.gone > 0 {
            self.tell_expunges(tracking, responses);
        }
        if self.rows.len() > self.told {
            self.told = self.rows.len();
            responses.exists(self.exists());
        }
        if std::mem::take(&mut self.keywords_are_news) {
            self.tell_keywords(responses);
        }
        if std::mem::take(&mut self.has_news) {
            self.tell_flags(tracking, responses);
        }
        if self.gone == 0 {
            self.told_modseq = self.modseq;
        }
    }

    fn tell_flags(&mut self, tracking: Tracking, responses: &mut Responses) {
        let tracks = tracking > Tracking::Off;
        for (place, row) in self.rows.iter_mut().enumerate() {
            let news = std::mem::replace(&mut row.news, News::Nothing);
            if news == News::Flags || (tracks && news == News::ModSeq) {
                responses.fetch_begin(sequence(place + 1));
                responses.fetch_uid(row.uid);
                responses.fetch_flags(row.flags, &self.keywords);
                if tracks {
                    responses.fetch_modseq(row.modseq);
                }
                responses.fetch_end();
            }
        }
    }

    fn tell_expunges(&mut self, tracking: Tracking, responses: &mut Responses) {
        let told = &self.rows[..self.told];
        if tracking == Tracking::Qresync {
            let gone = runs(told.iter().filter(|row| row.gone).map(|row| row.uid.0));
            for ranges in gone.chunks(VANISHED_RANGES_MAX) {
                responses.vanished(Vanished::Now, ranges);
            }
        } else {
            let places = told.iter().enumerate().rev();
            for (place, _) in places.filter(|(_, row)| row.gone) {
                responses.expunge(sequence(place + 1));
            }
        }
        let before = self.rows.len();
        self.rows.retain(|row| !row.gone);
        self.told -= before - self.rows.len();
        self.gone = 0;
    }

    /// FLAGS and PERMANENTFLAGS as they are now (RFC 9051 §7.3.5); nothing is kept where the
    /// mailbox is open for reading only.
    pub(crate) fn tell_keywords(&self, responses: &mut Responses) {
        let system = FlagSet::SYSTEM.iter();
        let system = system.fold(FlagSet::default(), |all, (flag, _)| all.union(*flag));
        responses.flags(system, &self.keywords);
        let room = self.keywords.len() < types::limits::KEYWORDS_PER_MAILBOX_MAX;
        let code = if self.read_only {
            Code::PermanentFlags(FlagSet::default(), Vec::new(), false)
        } else {
            Code::PermanentFlags(system, self.keywords.clone(), room)
        };
        responses.untagged(Condition::Ok, Some(&code), "these flags are kept");
    }
}

/// A number of messages as IMAP writes it; a mailbox has fewer than 2^32.
pub(crate) fn sequence(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Ranges of numbers, both ends included, ascending and apart.
pub(crate) type Ranges = Vec<(u32, u32)>;

/// Consecutive numbers as ranges; they ascend.
fn runs(numbers: impl IntoIterator<Item = u32>) -> Ranges {
    let mut ranges: Ranges = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(open) if open.1.checked_add(1) == Some(number) => open.1 = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

fn row(message: &IndexRow) -> Row {
    Row {
        uid: message.uid,
        email: message.email,
        flags: message.flags,
        modseq: message.modseq,
        octets: u64::from(message.size_octets),
        internal_date: message.internal_date,
        gone: false,
        news: News::Nothing,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn messages(uids: &[u32]) -> Vec<IndexRow> {
        let message = |uid: &u32| IndexRow {
            uid: Uid(*uid),
            email: EmailId(i64::from(*uid)),
            flags: FlagSet::default(),
            modseq: ModSeq(1),
            size_octets: 10,
            internal_date: Timestamp(0),
        };
        uids.iter().map(message).collect()
    }

    /// The view of a mailbox with these messages.
    pub(crate) fn view(uids: &[u32]) -> View {
        View::new(&messages(uids), Vec::new(), ModSeq(1), false)
    }

    fn expunged(uids: &[u32]) -> MailboxChange {
        MailboxChange::Expunged {
            uids: uids.iter().copied().map(Uid).collect(),
            modseq: ModSeq(3),
        }
    }

    fn seen(uid: u32) -> MailboxChange {
        MailboxChange::Flags(vec![(Uid(uid), FlagSet::SEEN, ModSeq(2))])
    }

    fn told(view: &mut View, how: Tell) -> String {
        tracked(view, how, Tracking::Off)
    }

    fn tracked(view: &mut View, how: Tell, tracking: Tracking) -> String {
        let mut responses = Responses::new();
        view.tell(how, tracking, &mut responses);
        String::from_utf8(responses.take()).unwrap()
    }

    #[test]
    fn numbers_stay_until_the_client_was_told() {
        let mut view = view(&[10, 20, 30, 40]);
        view.apply(expunged(&[20, 30]));
        view.apply(MailboxChange::Added(messages(&[50])));
        assert_eq!(told(&mut view, Tell::KeepNumbers), "* 5 EXISTS\r\n");
        assert_eq!(view.place(Uid(40)), Some(3));
        assert_eq!(told(&mut view, Tell::All), "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n");
        assert_eq!(view.place(Uid(40)), Some(1));
        assert_eq!(told(&mut view, Tell::All), "");
    }

    #[test]
    fn what_came_and_went_unseen_is_not_told() {
        let mut view = view(&[10]);
        view.apply(MailboxChange::Added(messages(&[20, 30])));
        view.apply(expunged(&[20]));
        assert_eq!(told(&mut view, Tell::All), "* 2 EXISTS\r\n");
        assert_eq!(view.place(Uid(30)), Some(1));
        view.apply(MailboxChange::Added(messages(&[20, 30])));
        assert_eq!(told(&mut view, Tell::All), "");
    }

    #[test]
    fn expunges_come_before_the_new_count_and_flags_come_last() {
        let mut view = view(&[10, 20]);
        view.apply(seen(20));
        view.apply(expunged(&[10]));
        view.apply(MailboxChange::Added(messages(&[30, 40])));
        assert_eq!(
            told(&mut view, Tell::All),
            "* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 1 FETCH (UID 20 FLAGS (\\Seen))\r\n"
        );
    }

    #[test]
    fn flags_that_the_client_set_itself_are_no_news() {
        let mut view = view(&[10, 20]);
        view.flags_set(Uid(10), (FlagSet::SEEN, ModSeq(2)), FlagSet::SEEN);
        view.apply(seen(10));
        assert_eq!(told(&mut view, Tell::All), "");
        let both = FlagSet::SEEN.union(FlagSet::FLAGGED);
        view.flags_set(Uid(20), (both, ModSeq(2)), FlagSet::SEEN);
        assert_eq!(
            told(&mut view, Tell::KeepNumbers),
            "* 2 FETCH (UID 20 FLAGS (\\Flagged \\Seen))\r\n"
        );
    }

    #[test]
    fn a_session_that_missed_changes_finds_them_by_comparing() {
        let mut view = view(&[10, 20, 30]);
        assert_eq!(view.apply(MailboxChange::Lagged), Applied::Missed);
        let mut now = messages(&[10, 30, 40]);
        now[1].flags = FlagSet::DELETED;
        view.compare(&now, vec!["$x".parse().unwrap()], ModSeq(9));
        assert_eq!(view.modseq(), ModSeq(9));
        let told = told(&mut view, Tell::All);
        assert!(told.starts_with("* 2 EXPUNGE\r\n* 3 EXISTS\r\n"), "{told}");
        assert!(told.contains("* FLAGS (") && told.contains("$x"), "{told}");
        assert!(
            told.ends_with("* 2 FETCH (UID 30 FLAGS (\\Deleted))\r\n"),
            "{told}"
        );
    }

    #[test]
    fn whoever_tracks_changes_hears_mod_sequences_and_uids() {
        let mut view = view(&[10, 20, 30, 40]);
        // Set and cleared again: only the mod-sequence is another.
        view.apply(MailboxChange::Flags(vec![(
            Uid(40),
            FlagSet::default(),
            ModSeq(5),
        )]));
        view.apply(seen(10));
        view.apply(expunged(&[20, 30]));
        assert_eq!((view.modseq(), view.told_modseq()), (ModSeq(5), ModSeq(1)));
        assert_eq!(
            tracked(&mut view, Tell::KeepNumbers, Tracking::Qresync),
            "* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (2))\r\n\
             * 4 FETCH (UID 40 FLAGS () MODSEQ (5))\r\n"
        );
        assert_eq!(view.told_modseq(), ModSeq(1), "the expunge is not told");
        assert_eq!(
            tracked(&mut view, Tell::All, Tracking::Qresync),
            "* VANISHED 20,30\r\n"
        );
        assert_eq!(view.told_modseq(), ModSeq(5));
    }

    #[test]
    fn a_mod_sequence_alone_is_no_news_for_others() {
        let mut view = view(&[10]);
        view.apply(MailboxChange::Flags(vec![(
            Uid(10),
            FlagSet::default(),
            ModSeq(5),
        )]));
        assert_eq!(told(&mut view, Tell::All), "");
        assert_eq!(tracked(&mut view, Tell::All, Tracking::Condstore), "");
    }

    #[test]
    fn what_is_forgotten_is_not_told() {
        let mut view = view(&[10, 20, 30]);
        view.apply(MailboxChange::Added(messages(&[40])));
        view.apply(expunged(&[10, 20]));
        view.forget(&[Uid(10), Uid(40), Uid(50)]);
        assert_eq!(told(&mut view, Tell::All), "* 1 EXPUNGE\r\n");
        assert_eq!(view.exists(), 1);
    }

    #[test]
    fn consecutive_numbers_become_ranges() {
        assert_eq!(runs([1, 2, 3, 7, 9, 10]), [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(runs([]), []);
    }

    #[test]
    fn sets_mean_messages_that_exist() {
        let view = view(&[10, 20, 30]);
        let set = |text: &str| {
            let command = format!("a FETCH {text} UID");
            match wire::imap::parse::command(command.as_bytes())
                .unwrap()
                .command
            {
                wire::imap::Command::Fetch { set, .. } => set,
                other => panic!("{other:?}"),
            }
        };
        let places = |by, text: &str| view.places(by, &set(text)).ok();
        for (text, expected) in [
            ("1:2", Some(vec![0, 1])),
            ("*", Some(vec![2])),
            ("9:*", Some(vec![2])),
            ("4", None),
            ("2:4", None),
        ] {
            assert_eq!(places(Numbering::Sequence, text), expected, "{text}");
        }
        for (text, expected) in [("15:30", vec![1, 2]), ("31:*", vec![2]), ("11:19", vec![])] {
            assert_eq!(places(Numbering::Uid, text), Some(expected), "{text}");
        }
        let empty = View::new(&[], Vec::new(), ModSeq(1), false);
        assert_eq!(
            empty.places(Numbering::Sequence, &set("1:*")).ok(),
            Some(vec![])
        );
    }
}

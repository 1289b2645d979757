//! What the server answers to each request of the command line: one call of `service` for each.

use std::pin::Pin;
use std::sync::Arc;

use ledger::UnixFacts;
use serde::Serialize;
use serde_json::json;
use service::{Actor, AdmitError, AdmitOptions, EndSessions, Service, ServiceError};
use tokio::sync::Notify;

use super::protocol::{Answer, Ask, Request};
use crate::exit::Exit;
use crate::run::log;

/// Answers requests of console users with this service; who asks it to end is heard at `stop`.
pub(crate) fn answering(
    service: Service,
    stop: Arc<Notify>,
) -> impl Fn(UnixFacts, Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync {
    move |facts, request| {
        let (service, stop) = (service.clone(), Arc::clone(&stop));
        tracing::debug!(uid = facts.uid, "the console asks: {}", request.ask.name());
        let actor = Actor::console(facts, request.claimed);
        Box::pin(async move { answer(&service, &stop, &actor, request.ask).await })
    }
}

// long: one arm for each question
async fn answer(service: &Service, stop: &Notify, actor: &Actor, ask: Ask) -> Answer {
    match ask {
        Ask::Admit {
            commands,
            reason,
            dry_run,
            end_sessions,
        } => {
            let options = AdmitOptions {
                reason,
                dry_run,
                end_sessions,
            };
            match service.admit(actor, commands, options).await {
                Ok(admitted) => done(&admitted),
                Err(error) => Answer::refused(admit_exit(&error), error.to_string()),
            }
        }
        Ask::Status => settle(service.status(actor).await),
        Ask::Health => settle(service.health_show(actor)),
        // Everyone at the console may read the log, as it does by systemd's journal.
        Ask::LogTail { kind, lines } => match kind.map(|kind| kind.parse()).transpose() {
            Ok(kind) => done(&log::tail(kind, lines)),
            Err(error) => Answer::refused(Exit::Usage, error.to_string()),
        },
        Ask::Stop => {
            tracing::info!("asked to stop by the console");
            stop.notify_one();
            done(&json!({"pid": std::process::id()}))
        }
        Ask::DomainList => settle(service.domain_list(actor)),
        Ask::DomainShow(domain) => settle(service.domain_show(actor, &domain)),
        Ask::AccountList(domain) => settle(service.account_list(actor, domain.as_ref()).await),
        Ask::AccountShow(address) => settle(service.account_show(actor, &address).await),
        Ask::AppPasswordList(of) => settle(service.app_password_list(actor, of.as_ref()).await),
        Ask::TokenList(of) => settle(service.token_list(actor, of.as_ref()).await),
        Ask::FactorCheck { account, code } => {
            settle(service.factor_check(actor, &account, &code.0).await)
        }
        Ask::SessionList(of) => settle(service.session_list(actor, of.as_ref())),
        Ask::SessionEnd(id) => settle(service.session_end(actor, EndSessions::Session(id)).await),
        Ask::SessionEndAll(account) => settle(
            service
                .session_end(actor, EndSessions::Account(account))
                .await,
        ),
        Ask::RuleList { at, removed } => {
            settle(service.rule_list(actor, at.as_ref(), removed).await)
        }
        Ask::ExitList => settle(service.exit_list(actor).await),
        Ask::SendersList(of) => settle(service.senders_list(actor, of.as_ref())),
        Ask::RuleShow(id) => settle(service.rule_show(actor, id).await),
        Ask::RulePreview(rule) => settle(service.rule_preview(actor, &rule).await),
        Ask::RuleTest { rule, message } => settle(service.rule_test(actor, &rule, message).await),
        Ask::RuleRun {
            rule,
            over,
            dry_run,
        } => settle(service.rule_run(actor, &rule, over, dry_run).await),
        Ask::AliasList(domain) => settle(service.alias_list(actor, domain.as_ref())),
        Ask::AliasShow(address) => settle(service.alias_show(actor, &address)),
        Ask::SendAsList => settle(service.send_as_list(actor)),
        Ask::ActivityList(query) => settle(service.activity_list(actor, query).await),
        Ask::RecoverableList { account, before } => {
            settle(service.recoverable_list(actor, &account, before).await)
        }
        Ask::RecoverableRestore { account, wanted } => {
            let restored = service.recoverable_restore(actor, account.as_ref(), wanted);
            settle(restored.await)
        }
        Ask::ServiceList => settle(service.service_list(actor)),
        Ask::AccessList(of) => settle(service.access_list(actor, of)),
        Ask::BlockList => settle(service.block_list(actor).await),
        Ask::ProxyList => settle(service.proxy_list(actor)),
        Ask::ScannerList => settle(service.scanner_list(actor).await),
        Ask::QuarantineList => settle(service.quarantine_list(actor).await),
        Ask::DnsWanted(domain) => settle(service.dns_wanted(actor, &domain)),
        Ask::DkimList(domain) => settle(service.dkim_list(actor, &domain)),
        Ask::RouteList => settle(service.route_list(actor)),
        Ask::RouteTest(to) => settle(service.route_test(actor, &to)),
        Ask::QueueList(wanted) => settle(service.queue_list(actor, wanted).await),
        Ask::QueueWhy(wanted) => settle(service.queue_why(actor, wanted).await),
        Ask::QueueAct {
            act,
            wanted,
            dry_run,
        } => settle(service.queue_act(actor, act, wanted, dry_run).await),
        Ask::CertificateList => settle(service.certificate_list(actor)),
        Ask::SettingList => settle(service.setting_list(actor)),
        Ask::LedgerList { from, limit } => settle(service.ledger_list(actor, from, limit).await),
        Ask::LedgerShow(seq) => settle(service.ledger_show(actor, seq).await),
        Ask::LedgerCheckpoint => settle(service.ledger_checkpoint(actor).await),
        Ask::LedgerProof(seq) => settle(service.ledger_proof(actor, seq).await),
        Ask::LedgerVerify => settle(service.ledger_verify(actor).await),
        Ask::DoctorBegin { fix } => settle(service.doctor_begin(actor, fix)),
        Ask::DoctorLook => settle(service.doctor_look(actor)),
        Ask::AlertList(query) => settle(service.alert_list(actor, query).await),
        Ask::Explain(question) => settle(service.explain(actor, question).await),
        Ask::Trace(query) => settle(service.trace(query).await),
    }
}

fn settle<T: Serialize>(result: Result<T, ServiceError>) -> Answer {
    match result {
        Ok(value) => done(&value),
        Err(error) => Answer::refused(service_exit(&error), error.to_string()),
    }
}

fn done<T: Serialize>(value: &T) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::Done(value),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written down: {error}");
            Answer::refused(
                Exit::Failed,
                "the server could not put its answer into words",
            )
        }
    }
}

fn admit_exit(error: &AdmitError) -> Exit {
    match error {
        AdmitError::NotAllowed(_) | AdmitError::Frozen(_) => Exit::NotAllowed,
        AdmitError::NotFound(_) => Exit::NotFound,
        AdmitError::Conflict(_) => Exit::Conflict,
        AdmitError::Invalid(_) => Exit::Usage,
        AdmitError::OverBudget(_)
        | AdmitError::NotKnownYet
        | AdmitError::MadeNotKnownYet(_)
        | AdmitError::Unavailable(_) => Exit::Failed,
    }
}

fn service_exit(error: &ServiceError) -> Exit {
    match error {
        ServiceError::NotFound(_) => Exit::NotFound,
        ServiceError::Refused(_) => Exit::NotAllowed,
        ServiceError::Exists => Exit::Conflict,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_keep_their_exit_codes() {
        let words = || "why".to_owned();
        for (error, exit) in [
            (AdmitError::NotAllowed(words()), Exit::NotAllowed),
            (AdmitError::NotFound(words()), Exit::NotFound),
            (AdmitError::Conflict(words()), Exit::Conflict),
            (AdmitError::Invalid(words()), Exit::Usage),
            (AdmitError::Frozen(words()), Exit::NotAllowed),
            (AdmitError::NotKnownYet, Exit::Failed),
            (AdmitError::MadeNotKnownYet(Vec::new()), Exit::Failed),
        ] {
            assert_eq!(admit_exit(&error), exit, "{error}");
        }
        for (error, exit) in [
            (ServiceError::NotFound("domain"), Exit::NotFound),
            (ServiceError::Refused(words()), Exit::NotAllowed),
            (ServiceError::Exists, Exit::Conflict),
            (ServiceError::Busy, Exit::Failed),
        ] {
            assert_eq!(service_exit(&error), exit, "{error}");
        }
    }
}

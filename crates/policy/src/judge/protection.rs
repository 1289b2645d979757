//! Guards, limits and records: what got weaker, smaller or shorter.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use types::{CertificateId, Domain};

use super::risk::Trait;
use super::{Case, Class, Findings};
use crate::change::{
    Change, DkimCreate, DkimRemove, DkimSetUse, RouteRemove, RouteSet, ScannerKind,
};
use crate::config::Config;
use crate::effect::{Effect, Protection, Refused, Whose};
use crate::settings::Meaning;

pub(super) fn compare(case: &Case<'_>, findings: &mut Findings) {
    let later = case.after.settings();
    for (key, meaning, order) in case.before.settings().differences(later) {
        compare_setting(key, meaning, order, findings);
    }
    if matches!(case.change, Change::Acknowledge(_)) {
        let edits = case.before.outside_edits();
        let what = Protection::Freeze {
            first: edits.first().unwrap_or_default(),
            last: edits.last().unwrap_or_default(),
            count: edits.count(),
        };
        findings.add(Effect::WeakensProtection { what }, Class::C3);
    }
    if let Change::RecoverablePurge(purge) = case.change {
        let effect = Effect::Purges {
            whose: Whose::Account(purge.id),
            messages: purge.messages,
            octets: purge.octets,
        };
        findings.add(effect, Class::C3);
        findings.mark(Trait::Destroys);
        findings.detect("P7");
    }
    compare_scanners(case, findings);
    compare_routes(case, findings);
    compare_keys(case, findings);
    let served = served_names(case.after);
    for (name, certificate) in served_names(case.before) {
        if !served.contains_key(&name) {
            let what = Protection::Certificate { name, certificate };
            findings.add(Effect::WeakensProtection { what }, Class::C2);
            findings.detect("P6");
        }
    }
}

/// Whoever looks at mail reads all of it and decides about it.
fn compare_scanners(case: &Case<'_>, findings: &mut Findings) {
    for kind in ScannerKind::ALL {
        let (before, after) = (case.before.scanner(kind), case.after.scanner(kind));
        if before == after {
            continue;
        }
        let Some(after) = after else {
            let what = Protection::Scanner(kind);
            findings.add(Effect::WeakensProtection { what }, Class::C2);
            findings.detect("P6");
            continue;
        };
        let (scanner, to) = (kind, after.address.clone());
        findings.add(Effect::SendsContent { scanner, to }, Class::C2);
        let if_silent = after.if_silent;
        findings.add(Effect::DelegatesVerdict { scanner, if_silent }, Class::C2);
    }
}

/// Whoever is handed mail reads it and may keep it.
fn compare_routes(case: &Case<'_>, findings: &mut Findings) {
    let (Change::RouteSet(RouteSet { id, .. }) | Change::RouteRemove(RouteRemove { id })) =
        case.change
    else {
        return;
    };
    let after = case.after.route(id);
    let effect = Effect::RoutesMail {
        mail: id.clone(),
        to: after.map(RouteSet::place),
        checked: after.is_some_and(|route| route.tls.is_checked()),
        signs_in: after.is_some_and(|route| route.user.is_some()),
    };
    findings.add(effect, Class::C2);
    if after.is_some() {
        findings.detect("R7");
    }
}

/// Keys stay here; whoever asks for one cannot read it.
fn compare_keys(case: &Case<'_>, findings: &mut Findings) {
    let (Change::DkimCreate(DkimCreate { id, .. })
    | Change::DkimSetUse(DkimSetUse { id, .. })
    | Change::DkimRemove(DkimRemove { id })) = case.change
    else {
        return;
    };
    let effect = Effect::SigningKey {
        key: id.clone(),
        state: case.after.dkim_key(id).map(|key| key.state),
    };
    findings.add(effect, Class::C1);
}

fn compare_setting(key: &str, meaning: Meaning, order: Ordering, findings: &mut Findings) {
    let key = key.to_owned();
    match (meaning, order) {
        (Meaning::Capacity, Ordering::Less) => {
            let what = Refused::Beyond(key);
            findings.add(Effect::Refuses { what }, Class::C2);
        }
        (Meaning::GuardWeakerAbove, Ordering::Greater)
        | (Meaning::GuardWeakerBelow, Ordering::Less) => {
            let what = Protection::Setting(key);
            findings.add(Effect::WeakensProtection { what }, Class::C2);
            findings.detect("P6");
        }
        (Meaning::Recovery, Ordering::Less) => {
            let effect = Effect::Destroys {
                whose: Whose::Everyone,
                recoverable: false,
                of: None,
            };
            findings.add(effect, Class::C3);
            findings.mark(Trait::Destroys);
            findings.mark(Trait::Unconditional);
            findings.detect("P7");
        }
        (Meaning::Record, Ordering::Less) => {
            findings.add(Effect::BlursRecord { setting: key }, Class::C3);
            findings.detect("P7");
        }
        (Meaning::Log, Ordering::Less) => {
            findings.add(Effect::BlursRecord { setting: key }, Class::C1);
        }
        _ => {}
    }
}

/// The names that certificates serve, each with the first one that does.
fn served_names(config: &Config) -> BTreeMap<Domain, CertificateId> {
    let mut served = BTreeMap::new();
    for certificate in config.certificates() {
        for name in &certificate.names {
            served.entry(name.clone()).or_insert(certificate.id);
        }
    }
    served
}

//! The settings of the server: typed, each with its meaning, unit, range and default.
//!
//! A setting is a field; its doc comment is the manual. The same list makes the fields, the
//! values that an entry carries and the registry, so that none of them can forget one.

use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use types::Domain;

use crate::authenticity::{DomainSet, SenderAuthentication};
use crate::dns_list::DnsLists;
use crate::log_level::LogLevel;

/// Why a setting was not accepted; names the key, the value and what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No such key.
    #[error("there is no setting {key:?}; `sealpost config get` lists them all")]
    UnknownKey {
        /// As it was given.
        key: String,
    },
    /// Not a value of this setting.
    #[error("{key} cannot be {value:?}: it takes {accepted}")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// As it was given.
        value: String,
        /// What it takes, such as `a whole number from 1 to 100`.
        accepted: String,
    },
}

/// What lowering or raising a setting does to the safety of mail and record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Changes no protection.
    Neutral,
    /// Room for mail: less of it refuses mail.
    Capacity,
    /// A guard that is weaker when the value is larger (or on).
    GuardWeakerAbove,
    /// A guard that is weaker when the value is smaller (or off).
    GuardWeakerBelow,
    /// How long removed mail can be brought back: less of it destroys mail sooner.
    Recovery,
    /// How long records are kept: less of it blurs them.
    Record,
    /// What the running log says: less of it blurs it, and touches no record.
    Log,
}

/// One row of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// The name that commands and entries use.
    pub key: &'static str,
    /// Meaning and unit.
    pub doc: String,
    /// What is accepted.
    pub accepted: String,
    /// The value of a new server.
    pub default: String,
    /// The value in force.
    pub current: String,
    /// What a change of it can do.
    pub meaning: Meaning,
}

/// A type that a setting may have.
trait Value: Sized + fmt::Debug {
    type Range;
    fn parse(text: &str, range: &Self::Range) -> Option<Self>;
    fn lies_in(&self, range: &Self::Range) -> bool;
    fn accepted(range: &Self::Range) -> String;
    fn show(&self) -> String;
    /// Whether `later` is less or greater.
    fn compare(&self, later: &Self) -> Ordering;
}

impl Value for u64 {
    type Range = RangeInclusive<Self>;

    fn parse(text: &str, range: &Self::Range) -> Option<Self> {
        let plain = text.bytes().all(|c| c.is_ascii_digit());
        let number = if plain { text.parse().ok() } else { None };
        number.filter(|number| range.contains(number))
    }

    fn lies_in(&self, range: &Self::Range) -> bool {
        range.contains(self)
    }

    fn accepted(range: &Self::Range) -> String {
        format!("a whole number from {} to {}", range.start(), range.end())
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn compare(&self, later: &Self) -> Ordering {
        later.cmp(self)
    }
}

impl Value for bool {
    type Range = ();

    fn parse(text: &str, (): &()) -> Option<Self> {
        match text {
            "on" | "true" => Some(true),
            "off" | "false" => Some(false),
            _ => None,
        }
    }

    fn lies_in(&self, (): &()) -> bool {
        true
    }

    fn accepted((): &()) -> String {
        "on or off".to_owned()
    }

    fn show(&self) -> String {
        if *self { "on" } else { "off" }.to_owned()
    }

    fn compare(&self, later: &Self) -> Ordering {
        later.cmp(self)
    }
}

/// What is written in one word of a type of its own, and how a later value compares with it.
macro_rules! value_of_a_word {
    ($word:ty, $accepted:literal, $compare:expr) => {
        impl Value for $word {
            type Range = ();

            fn parse(text: &str, (): &()) -> Option<Self> {
                text.parse().ok()
            }

            fn lies_in(&self, (): &()) -> bool {
                true
            }

            fn accepted((): &()) -> String {
                $accepted.to_owned()
            }

            fn show(&self) -> String {
                self.to_string()
            }

            fn compare(&self, later: &Self) -> Ordering {
                $compare(self, later)
            }
        }
    };
}

fn by_order<T: Ord>(earlier: &T, later: &T) -> Ordering {
    later.cmp(earlier)
}

/// A set that gains a member counts as greater, whatever it loses.
fn by_members(earlier: &DomainSet, later: &DomainSet) -> Ordering {
    match (earlier.holds(later), later.holds(earlier)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, _) => Ordering::Greater,
    }
}

value_of_a_word!(LogLevel, "error, warn, info, debug or trace", by_order);
value_of_a_word!(SenderAuthentication, "off, record or enforce", by_order);
value_of_a_word!(
    DomainSet,
    "up to 64 domains with commas between them, or none",
    by_members
);
value_of_a_word!(
    DnsLists,
    "up to 16 lists with weights from -100 to 100, such as bl.example.net=100, with commas between them, or none",
    DnsLists::compare
);
// A name that a server may have: two labels are not asked for, so `localhost` serves.
value_of_a_word!(Domain, "a host name such as mail.example.org", by_order);

macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $key:ident: $variant:ident($kind:ty) in $range:expr, default $default:expr, $meaning:ident;
    )+) => {
        /// All settings, with the values in force.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $key: $kind,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        /// One setting with a value for it, as an entry carries it.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "id", content = "value", rename_all = "snake_case", deny_unknown_fields)]
        pub enum Setting {
            $($(#[doc = $doc])+ $variant($kind),)+
        }

        impl Setting {
            /// Every key, in the order of the manual.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            /// The key.
            pub fn key(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($key),)+ }
            }

            /// The value as people write it.
            pub fn value(&self) -> String {
                match self { $(Self::$variant(value) => value.show(),)+ }
            }

            /// Reads a key and a value as people write them.
            pub fn parse(key: &str, value: &str) -> Result<Self, SettingError> {
                $(if key == stringify!($key) {
                    return <$kind as Value>::parse(value, &$range)
                        .map(Self::$variant)
                        .ok_or_else(|| out_of_range::<$kind>(stringify!($key), value, &$range));
                })+
                Err(SettingError::UnknownKey { key: key.to_owned() })
            }

            /// Whether the value lies in its range; entries and programs need not come by
            /// [`Self::parse`].
            pub fn check(&self) -> Result<(), SettingError> {
                match self {
                    $(Self::$variant(value) if !value.lies_in(&$range) => Err(
                        out_of_range::<$kind>(stringify!($key), &value.show(), &$range)
                    ),)+
                    _ => Ok(()),
                }
            }
        }

        impl Settings {
            /// Puts one setting in force.
            pub fn set(&mut self, setting: &Setting) {
                match setting {
                    $(Setting::$variant(value) => self.$key = value.clone(),)+
                }
            }

            /// The value in force of the setting that `like` is for.
            pub fn current(&self, like: &Setting) -> Setting {
                match like { $(Setting::$variant(_) => Setting::$variant(self.$key.clone()),)+ }
            }

            /// What is different in `later`: keys with their meaning, and whether they are less or
            /// greater there.
            pub fn differences(&self, later: &Self) -> Vec<(&'static str, Meaning, Ordering)> {
                let all = [$((
                    stringify!($key),
                    Meaning::$meaning,
                    Value::compare(&self.$key, &later.$key),
                )),+];
                all.into_iter().filter(|(_, _, order)| order.is_ne()).collect()
            }

            /// The registry: every setting with its manual, range, default and current value.
            pub fn rows(&self) -> Vec<SettingRow> {
                let initial = Self::default();
                vec![$(SettingRow {
                    key: stringify!($key),
                    doc: [$($doc),+].map(str::trim).join(" "),
                    accepted: <$kind as Value>::accepted(&$range),
                    default: initial.$key.show(),
                    current: self.$key.show(),
                    meaning: Meaning::$meaning,
                }),+]
            }
        }
    };
}

fn out_of_range<T: Value>(key: &'static str, value: &str, range: &T::Range) -> SettingError {
    SettingError::OutOfRange {
        key,
        value: value.to_owned(),
        accepted: T::accepted(range),
    }
}

settings! {
    /// The name by which this server greets and signs its trace fields. The name of the setup
    /// until it is set; `localhost` before any setup.
    host_name: HostName(Domain) in (), default localhost(), Neutral;
    /// Largest message that is accepted, in octets.
    message_size_max_octets: MessageSizeMaxOctets(u64) in 65_536..=1_073_741_824,
        default 52_428_800, Capacity;
    /// Forward-paths that one message may have at a time (RFC 5321 §4.5.3.1.8).
    recipients_max: RecipientsMax(u64) in 100..=1_000, default 1_000, Capacity;
    /// `Received` fields after which a message is taken for a loop (RFC 5321 §6.3).
    received_hops_max: ReceivedHopsMax(u64) in 20..=100, default 50, Capacity;
    /// How long mail for another server is tried before its sender is told that it came to nothing,
    /// in hours (RFC 5321 §4.5.4.1 asks for four to five days).
    outbound_expiry_hours: OutboundExpiryHours(u64) in 1..=720, default 120, Capacity;
    /// After how many hours the sender of mail that could not be delivered yet is told so, once; 0
    /// says nothing before the end.
    outbound_delay_notice_hours: OutboundDelayNoticeHours(u64) in 0..=720, default 4, Neutral;
    /// After how many seconds mail is tried again first; each further wait is twice as long.
    outbound_retry_first_s: OutboundRetryFirstS(u64) in 10..=86_400, default 300, Neutral;
    /// The longest wait between two attempts, in seconds.
    outbound_retry_longest_s: OutboundRetryLongestS(u64) in 60..=86_400, default 3_600, Neutral;
    /// Connections to all services at a time.
    connections_max: ConnectionsMax(u64) in 10..=1_000_000, default 10_000, Capacity;
    /// Connections from one source (an IPv4 address or an IPv6 /64) at a time.
    connections_per_source_max: ConnectionsPerSourceMax(u64) in 1..=100_000, default 100, Capacity;
    /// Connections, to services where one signs in, that have not done so yet, at a time.
    connections_unauthenticated_max: ConnectionsUnauthenticatedMax(u64) in 10..=1_000_000,
        default 5_000, Capacity;
    /// Failed sign-ins to one account within the window before more are delayed and refused.
    sign_in_failures_per_account_max: SignInFailuresPerAccountMax(u64) in 1..=1_000,
        default 10, GuardWeakerAbove;
    /// Failed sign-ins from one source within the window before more are delayed and refused.
    sign_in_failures_per_source_max: SignInFailuresPerSourceMax(u64) in 1..=10_000,
        default 30, GuardWeakerAbove;
    /// Length of the window in which failed sign-ins are counted, in seconds.
    sign_in_failures_window_s: SignInFailuresWindowS(u64) in 60..=86_400,
        default 300, GuardWeakerBelow;
    /// Characters of a new password at least. While a password is the only factor, NIST SP 800-63B
    /// asks for 15.
    password_min_chars: PasswordMinChars(u64) in 8..=64, default 15, GuardWeakerBelow;
    /// Whether a password may be sent without TLS over a loopback connection.
    plain_sign_in_on_loopback: PlainSignInOnLoopback(bool) in (), default false, GuardWeakerAbove;
    /// Whether SCRAM-SHA-256-PLUS is offered, which ties a sign-in to its TLS connection. Without it
    /// programs can sign in that choose it and cannot do it, such as mutt 2.2 of Debian.
    channel_binding: ChannelBinding(bool) in (), default true, GuardWeakerBelow;
    /// From which weight on a message is put into Junk, in hundredths of what the spam scanner takes
    /// for certain.
    spam_junk_percent: SpamJunkPercent(u64) in 1..=1_000, default 40, GuardWeakerAbove;
    /// From which weight on a message is kept in quarantine instead of a mailbox, likewise.
    spam_quarantine_percent: SpamQuarantinePercent(u64) in 1..=1_000, default 100,
        GuardWeakerAbove;
    /// What is done about SPF, DKIM, DMARC and ARC of mail from other servers: nothing (`off`), it is
    /// recorded (`record`), or mail that fails is refused or put into Junk if its author's domain
    /// asks for that (`enforce`).
    sender_authentication: SenderAuthentication(SenderAuthentication) in (),
        default SenderAuthentication::Enforce, GuardWeakerBelow;
    /// Domains of authors whose mail is taken though it fails, with all below them.
    dmarc_exempt_domains: DmarcExemptDomains(DomainSet) in (), default DomainSet::default(),
        GuardWeakerAbove;
    /// Domains that send mail of others on (mailing lists), whose seal is believed: mail that they
    /// found right is taken though it fails now (ARC, RFC 8617).
    arc_trusted_domains: ArcTrustedDomains(DomainSet) in (), default DomainSet::default(),
        GuardWeakerAbove;
    /// Lists in DNS of addresses that send spam, each with its weight: at 100 together, mail from an
    /// address is refused. A list of known good senders has a weight below 0.
    dns_lists: DnsLists(DnsLists) in (), default DnsLists::default(), GuardWeakerBelow;
    /// To how many recipients elsewhere an account may send in an hour, which is counted over one to
    /// two hours; 0 sets no bound. A guard against whoever got hold of a password.
    sending_recipients_per_hour_max: SendingRecipientsPerHourMax(u64) in 0..=1_000_000,
        default 500, Capacity;
    /// How long mail that a client expunged can be brought back, in days.
    recoverable_client_days: RecoverableClientDays(u64) in 1..=3_650, default 7, Recovery;
    /// How long mail that a rule or an operator removed can be brought back, in days.
    recoverable_operator_days: RecoverableOperatorDays(u64) in 1..=3_650, default 30, Recovery;
    /// How long records of sign-ins and sessions are kept, in days.
    activity_retention_days: ActivityRetentionDays(u64) in 90..=36_500, default 400, Record;
    /// How long records of how each message came (from where, by which protocol) are kept, in days.
    /// What became of it is kept without end for now.
    trace_retention_days: TraceRetentionDays(u64) in 90..=36_500, default 400, Record;
    /// How much the log says of start, end, listeners and all that is of no other kind.
    log_server: LogServer(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of what the console asks and changes of the configuration.
    log_admin: LogAdmin(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of the ledger, the seals of the logs and the heartbeat.
    log_ledger: LogLedger(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of sign-ins.
    log_sign_in: LogSignIn(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of messages that come in.
    log_delivery: LogDelivery(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of work in mailboxes.
    log_mailbox: LogMailbox(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of the dialogue with SMTP clients.
    log_smtp: LogSmtp(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of the dialogue with IMAP clients.
    log_imap: LogImap(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of the dialogue with POP3 clients.
    log_pop3: LogPop3(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of the dialogue with ManageSieve clients.
    log_managesieve: LogManagesieve(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of connections and TLS.
    log_net: LogNet(LogLevel) in (), default LogLevel::Info, Log;
    /// How much the log says of disk and database.
    log_store: LogStore(LogLevel) in (), default LogLevel::Info, Log;
}

fn localhost() -> Domain {
    "localhost"
        .parse()
        .expect("localhost is one label of letters, hence a domain name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_accepted_and_listed_once() {
        let settings = Settings::default();
        let rows = settings.rows();
        assert_eq!(rows.len(), Setting::KEYS.len());
        for row in rows {
            let setting = Setting::parse(row.key, &row.default).unwrap();
            assert_eq!(setting.key(), row.key);
            assert_eq!(setting.value(), row.current);
            assert_eq!(setting.check(), Ok(()));
            assert_eq!(settings.current(&setting), setting);
            assert!(
                row.doc.ends_with('.') && !row.doc.contains("  "),
                "{}",
                row.doc
            );
            let entry = serde_json::to_value(&setting).unwrap();
            assert_eq!(entry["id"], row.key, "the entry names it otherwise");
        }
    }

    #[test]
    fn a_value_out_of_range_names_key_value_and_range() {
        for (key, value, words) in [
            (
                "message_size_max_octets",
                "1",
                "message_size_max_octets cannot be \"1\": it takes a whole number from 65536 to 1073741824",
            ),
            (
                "activity_retention_days",
                "89",
                "activity_retention_days cannot be \"89\": it takes a whole number from 90 to 36500",
            ),
            (
                "plain_sign_in_on_loopback",
                "yes",
                "plain_sign_in_on_loopback cannot be \"yes\": it takes on or off",
            ),
            (
                "host_name",
                "a b",
                "host_name cannot be \"a b\": it takes a host name such as mail.example.org",
            ),
            (
                "colour",
                "red",
                "there is no setting \"colour\"; `sealpost config get` lists them all",
            ),
        ] {
            assert_eq!(Setting::parse(key, value).unwrap_err().to_string(), words);
        }
        for odd in [
            "+100",
            "-1",
            "1e3",
            "0x80",
            "",
            " 100",
            "99999999999999999999",
        ] {
            assert!(Setting::parse("recipients_max", odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_value_that_came_by_program_is_checked_too() {
        assert!(Setting::RecipientsMax(99).check().is_err());
        assert_eq!(Setting::RecipientsMax(100).check(), Ok(()));
    }

    #[test]
    fn set_puts_in_force() {
        let mut settings = Settings::default();
        settings.set(&Setting::RecoverableClientDays(14));
        assert_eq!(settings.recoverable_client_days, 14);
    }
}

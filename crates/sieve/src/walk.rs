//! Goes through a script in the order of its text.

use crate::ast::{
    BodyTransform, Command, CommandKind, Fields, FileInto, Matching, MimeOf, Test, TestKind, Text,
    Unique,
};

/// What is met on the way.
pub(crate) enum Node<'a> {
    /// A command, before what it holds.
    Command(&'a Command),
    /// A test, before what it holds.
    Test(&'a Test),
    /// A text of the command or test met last.
    Text(&'a Text),
}

/// Goes through commands and all that they hold.
pub(crate) fn block<'a>(block: &'a [Command], see: &mut dyn FnMut(Node<'a>)) {
    for command in block {
        see(Node::Command(command));
        command_texts(&command.kind, &mut |text| see(Node::Text(text)));
        match &command.kind {
            CommandKind::If { arms, otherwise } => {
                for (held, then) in arms {
                    test(held, see);
                    self::block(then, see);
                }
                self::block(otherwise.as_deref().unwrap_or_default(), see);
            }
            CommandKind::ForEveryPart { block, .. } => self::block(block, see),
            _ => {}
        }
    }
}

/// Goes through a test and all that it holds.
pub(crate) fn test<'a>(held: &'a Test, see: &mut dyn FnMut(Node<'a>)) {
    see(Node::Test(held));
    test_texts(&held.kind, &mut |text| see(Node::Text(text)));
    match &held.kind {
        TestKind::Not(inner) => test(inner, see),
        TestKind::AllOf(inner) | TestKind::AnyOf(inner) => {
            inner.iter().for_each(|inner| test(inner, see));
        }
        _ => {}
    }
}

/// The texts of a command itself, not of what it holds.
pub(crate) fn command_texts<'a>(kind: &'a CommandKind, see: &mut dyn FnMut(&'a Text)) {
    match kind {
        CommandKind::If { .. }
        | CommandKind::Stop
        | CommandKind::Discard
        | CommandKind::Return
        | CommandKind::Global(_)
        | CommandKind::ForEveryPart { .. }
        | CommandKind::Break { .. } => {}
        CommandKind::Keep { flags } => flags.iter().flatten().for_each(see),
        CommandKind::FileInto(file) => file_texts(file, see),
        CommandKind::Redirect { address: text, .. }
        | CommandKind::Reject { reason: text, .. }
        | CommandKind::Set { value: text, .. }
        | CommandKind::Include { name: text, .. }
        | CommandKind::Error { message: text } => see(text),
        CommandKind::Flag { flags, .. } => flags.iter().for_each(see),
        CommandKind::AddHeader { name, value, .. } => [name, value].into_iter().for_each(see),
        CommandKind::DeleteHeader { name, patterns, .. } => {
            see(name);
            patterns.iter().for_each(see);
        }
        CommandKind::Vacation(vacation) => {
            let optional = [&vacation.subject, &vacation.from, &vacation.handle];
            optional.into_iter().flatten().for_each(&mut *see);
            vacation.addresses.iter().for_each(&mut *see);
            if let Some(file) = &vacation.fcc {
                file_texts(file, see);
            }
            see(&vacation.reason);
        }
        CommandKind::Notify(notify) => {
            let optional = [&notify.from, &notify.importance, &notify.message];
            optional.into_iter().flatten().for_each(&mut *see);
            notify.options.iter().for_each(&mut *see);
            if let Some(file) = &notify.fcc {
                file_texts(file, see);
            }
            see(&notify.method);
        }
    }
}

fn file_texts<'a>(file: &'a FileInto, see: &mut dyn FnMut(&'a Text)) {
    see(&file.mailbox);
    file.flags.iter().flatten().for_each(&mut *see);
    file.special_use.iter().for_each(see);
}

fn field_texts<'a>(fields: &'a Fields, see: &mut dyn FnMut(&'a Text)) {
    if let Some(MimeOf::Param(names)) = fields.mime.as_ref().map(|mime| &mime.of) {
        names.iter().for_each(see);
    }
}

/// The texts of a test itself, not of what it holds.
// long: one arm for each test
pub(crate) fn test_texts<'a>(kind: &'a TestKind, see: &mut dyn FnMut(&'a Text)) {
    match kind {
        TestKind::True
        | TestKind::False
        | TestKind::Not(_)
        | TestKind::AllOf(_)
        | TestKind::AnyOf(_)
        | TestKind::Size { .. } => {}
        TestKind::Address {
            fields,
            headers,
            keys,
            ..
        }
        | TestKind::Header {
            fields,
            headers,
            keys,
            ..
        } => {
            field_texts(fields, see);
            headers.iter().chain(keys).for_each(see);
        }
        TestKind::Exists { fields, headers } => {
            field_texts(fields, see);
            headers.iter().for_each(see);
        }
        TestKind::Envelope { parts, keys, .. } => parts.iter().chain(keys).for_each(see),
        TestKind::String { source, keys, .. } => source.iter().chain(keys).for_each(see),
        TestKind::Body {
            transform, keys, ..
        } => {
            if let BodyTransform::Content(types) = transform {
                types.iter().for_each(&mut *see);
            }
            keys.iter().for_each(see);
        }
        TestKind::HasFlag { flags: texts, .. }
        | TestKind::CurrentDate { keys: texts, .. }
        | TestKind::MailboxExists(texts)
        | TestKind::Ihave(texts)
        | TestKind::ValidNotifyMethod(texts) => texts.iter().for_each(see),
        TestKind::Date {
            header: name, keys, ..
        }
        | TestKind::Environment { name, keys, .. } => {
            see(name);
            keys.iter().for_each(see);
        }
        TestKind::SpecialUseExists { mailbox, uses } => {
            mailbox.iter().chain(uses).for_each(see);
        }
        TestKind::SpamTest { value, .. } | TestKind::VirusTest { value, .. } => see(value),
        TestKind::NotifyMethodCapability {
            uri,
            capability,
            keys,
            ..
        } => [uri, capability].into_iter().chain(keys).for_each(see),
        TestKind::Duplicate { handle, unique, .. } => {
            handle.iter().for_each(&mut *see);
            match unique {
                Unique::MessageId => {}
                Unique::Header(text) | Unique::Id(text) => see(text),
            }
        }
    }
}

/// How a test compares, and its keys.
pub(crate) fn comparing(kind: &TestKind) -> Option<(&Matching, &[Text])> {
    match kind {
        TestKind::Address { matching, keys, .. }
        | TestKind::Envelope { matching, keys, .. }
        | TestKind::Header { matching, keys, .. }
        | TestKind::Body { matching, keys, .. }
        | TestKind::HasFlag {
            matching,
            flags: keys,
            ..
        }
        | TestKind::String { matching, keys, .. }
        | TestKind::Date { matching, keys, .. }
        | TestKind::CurrentDate { matching, keys, .. }
        | TestKind::Environment { matching, keys, .. }
        | TestKind::NotifyMethodCapability { matching, keys, .. } => Some((matching, keys)),
        TestKind::SpamTest {
            matching, value, ..
        }
        | TestKind::VirusTest { matching, value } => Some((matching, std::slice::from_ref(value))),
        _ => None,
    }
}

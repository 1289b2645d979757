//! What a process asked of the disk, in order, as Debian's strace has written it down.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};

/// The calls that change what is on a disk, or make it durable.
const CALLS: &str = "openat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,\
                     ftruncate,fallocate,rename,unlink,mkdir,rmdir";
/// Octets of one call that are written down: more than the server ever writes at once.
const STRING_MAX_OCTETS: &str = "67108864";

/// The words that start a program under strace. It becomes a child of its own, so that the program
/// keeps its process id.
pub(crate) fn wrapper(record: &Path) -> Vec<String> {
    let record = record.display().to_string();
    let words = [
        "strace",
        "-D",
        "-f",
        "-y",
        "-xx",
        "-ttt",
        "--seccomp-bpf",
        "-s",
        STRING_MAX_OCTETS,
        "-e",
    ];
    let trace = format!("trace={CALLS}");
    let rest = [trace.as_str(), "-e", "signal=none", "-o", &record, "--"];
    words.into_iter().chain(rest).map(str::to_owned).collect()
}

/// One call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its place in the order in which calls began and ended.
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    pub(crate) at: SystemTime,
    pub(crate) call: Call,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open {
        path: PathBuf,
        fd: i32,
        creates: bool,
        truncates: bool,
    },
    /// `at` is missing where the file's own position counts.
    Write {
        path: PathBuf,
        fd: i32,
        at: Option<u64>,
        octets: Vec<u8>,
    },
    Sync {
        path: PathBuf,
    },
    SetLength {
        path: PathBuf,
        octets: u64,
    },
    Punch {
        path: PathBuf,
        from: u64,
        octets: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
    },
    RemoveFolder {
        path: PathBuf,
    },
}

/// The calls in a record that concern these folders, in the order in which they ended.
pub(crate) fn read(record: &Path, folders: &[PathBuf]) -> anyhow::Result<Vec<Event>> {
    let mut lines = BufReader::new(File::open(record)?);
    let mut unfinished: HashMap<String, (usize, String)> = HashMap::new();
    let mut events = Vec::new();
    for number in 0.. {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        // The last line may have been cut off with the process.
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        let Some((pid, at, text)) = parts(line) else {
            continue;
        };
        if let Some(begun) = text.strip_suffix(" <unfinished ...>") {
            unfinished.insert(pid.to_owned(), (number, begun.to_owned()));
            continue;
        }
        let (begun, text) = match text.split_once(" resumed>") {
            Some((_, rest)) => match unfinished.remove(pid) {
                Some((begun, first)) => (begun, format!("{first}{rest}")),
                None => continue,
            },
            None => (number, text.to_owned()),
        };
        let parsed = call(&text, folders).with_context(|| shown(&text))?;
        events.extend(parsed.map(|call| Event {
            begun,
            ended: number,
            at,
            call,
        }));
    }
    Ok(events)
}

/// The beginning of a line, for a person.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Process, time and call of a line; `None` for words about signals and ends.
fn parts(line: &str) -> Option<(&str, SystemTime, &str)> {
    let (pid, rest) = line.trim_start().split_once(' ')?;
    let (at, text) = rest.trim_start().split_once(' ')?;
    let (seconds, micros) = at.split_once('.')?;
    let since =
        Duration::from_secs(seconds.parse().ok()?) + Duration::from_micros(micros.parse().ok()?);
    let is_call = text.starts_with("<... ")
        || text.split_once('(').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
    is_call.then_some((pid, SystemTime::UNIX_EPOCH + since, text))
}

fn call(text: &str, folders: &[PathBuf]) -> anyhow::Result<Option<Call>> {
    let (name, rest) = text.split_once('(').context("no call")?;
    let (args, result) = rest.rsplit_once(" = ").context("no result")?;
    let args = args.trim_end().strip_suffix(')').context("no end")?;
    let args: Vec<&str> = args.split(", ").collect();
    let arg = |place: usize| args.get(place).copied().context("too few arguments");
    let result = result.split(['<', ' ']).next().unwrap_or_default();
    let Ok(result @ 0..) = result.parse::<i64>() else {
        return Ok(None);
    };
    let ours = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    let call = match name {
        "openat" => {
            let flags = arg(2)?;
            Call::Open {
                path: string(arg(1)?)?.into(),
                fd: i32::try_from(result)?,
                creates: flags.contains("O_CREAT"),
                truncates: flags.contains("O_TRUNC"),
            }
        }
        "rename" => Call::Rename {
            from: string(arg(0)?)?.into(),
            to: string(arg(1)?)?.into(),
        },
        "unlink" => Call::Unlink {
            path: string(arg(0)?)?.into(),
        },
        "mkdir" => Call::MakeFolder {
            path: string(arg(0)?)?.into(),
        },
        "rmdir" => Call::RemoveFolder {
            path: string(arg(0)?)?.into(),
        },
        _ => {
            let Some((fd, path)) = described(arg(0)?)?.filter(|(_, path)| ours(path)) else {
                return Ok(None);
            };
            on_file(name, fd, path, &args, usize::try_from(result)?)?
        }
    };
    let concerns = match &call {
        Call::Open { path, .. }
        | Call::Unlink { path }
        | Call::MakeFolder { path }
        | Call::RemoveFolder { path }
        | Call::Rename { from: path, .. } => ours(path),
        _ => true,
    };
    Ok(concerns.then_some(call))
}

/// A call on an open file of ours.
fn on_file(
    name: &str,
    fd: i32,
    path: PathBuf,
    args: &[&str],
    result: usize,
) -> anyhow::Result<Call> {
    let arg = |place: usize| args.get(place).copied().context("too few arguments");
    let written = || -> anyhow::Result<Vec<u8>> {
        let mut octets = octets(arg(1)?)?;
        octets.truncate(result);
        Ok(octets)
    };
    Ok(match name {
        "write" => Call::Write {
            path,
            fd,
            at: None,
            octets: written()?,
        },
        "pwrite64" => Call::Write {
            path,
            fd,
            at: Some(arg(3)?.parse()?),
            octets: written()?,
        },
        "fsync" | "fdatasync" => Call::Sync { path },
        "ftruncate" => Call::SetLength {
            path,
            octets: arg(1)?.parse()?,
        },
        "fallocate" if arg(1)?.contains("PUNCH_HOLE") => Call::Punch {
            path,
            from: arg(2)?.parse()?,
            octets: arg(3)?.parse()?,
        },
        "fallocate" => Call::SetLength {
            path,
            octets: arg(2)?.parse::<u64>()? + arg(3)?.parse::<u64>()?,
        },
        name => bail!("{name} on {} is not followed", path.display()),
    })
}

/// A descriptor such as `7<\x2f…>`: its number and its path; `None` where it has no name any more.
fn described(text: &str) -> anyhow::Result<Option<(i32, PathBuf)>> {
    let Some((fd, path)) = text.split_once('<') else {
        return Ok(None);
    };
    if path.contains("(deleted)") || !path.starts_with("\\x") {
        return Ok(None);
    }
    let path = path.strip_suffix('>').context("a path without end")?;
    let path = String::from_utf8(hex(path)?)?;
    if path.ends_with(" (deleted)") {
        return Ok(None);
    }
    Ok(Some((fd.parse()?, path.into())))
}

fn string(text: &str) -> anyhow::Result<String> {
    Ok(String::from_utf8(octets(text)?)?)
}

/// The octets of a string such as `"\x48\x69"`.
fn octets(text: &str) -> anyhow::Result<Vec<u8>> {
    let inside = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    hex(inside.with_context(|| format!("not a whole string: {}", shown(text)))?)
}

fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digit = |octet: u8| {
        char::from(octet)
            .to_digit(16)
            .map(|digit| digit.to_le_bytes()[0])
    };
    let one = |escape: &[u8]| match escape {
        [b'\\', b'x', high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    };
    let all: Option<Vec<u8>> = text.as_bytes().chunks(4).map(one).collect();
    all.with_context(|| format!("not in hexadecimal: {}", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexed(text: &str) -> String {
        text.bytes()
            .map(|octet| format!("\\x{octet:02x}"))
            .collect()
    }

    fn record(lines: &[String]) -> Vec<Event> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.join("\n") + "\n").unwrap();
        read(file.path(), &["/d".into()]).unwrap()
    }

    #[test]
    fn calls_are_read_in_the_order_of_their_ends() {
        let (file, other, text) = (hexed("/d/f"), hexed("/e/f"), hexed("Hi"));
        let events = record(&[
            format!(
                "7 10.000001 openat(AT_FDCWD<{other}>, \"{file}\", O_RDWR|O_CREAT, 0600) = 5<{file}>"
            ),
            format!("8 10.000002 fdatasync(5<{file}> <unfinished ...>"),
            format!("7 10.000003 pwrite64(5<{file}>, \"{text}\", 2, 40) = 1"),
            "8 10.000004 <... fdatasync resumed>) = 0".to_owned(),
            format!("7 10.000005 write(6<{other}>, \"{text}\", 2) = 2"),
            format!("7 10.000006 write(6<{file}>(deleted), \"{text}\", 2) = 2"),
            format!("7 10.000007 write(5<{file}>, \"{text}\", 2) = -1 ENOSPC (No space left)"),
            format!(
                "7 10.000008 fallocate(5<{file}>, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 8, 9) = 0"
            ),
            "7 10.000009 +++ killed by SIGKILL +++".to_owned(),
        ]);
        let path = PathBuf::from("/d/f");
        let expected = [
            Call::Open {
                path: path.clone(),
                fd: 5,
                creates: true,
                truncates: false,
            },
            Call::Write {
                path: path.clone(),
                fd: 5,
                at: Some(40),
                octets: b"H".to_vec(),
            },
            Call::Sync { path: path.clone() },
            Call::Punch {
                path,
                from: 8,
                octets: 9,
            },
        ];
        assert_eq!(
            events
                .iter()
                .map(|event| event.call.clone())
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!((events[2].begun, events[2].ended), (1, 3));
        assert_eq!(
            events[0].at,
            SystemTime::UNIX_EPOCH + Duration::from_micros(10_000_001)
        );
    }

    #[test]
    fn a_call_that_is_not_followed_ends_the_campaign() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = format!(
            "7 10.000001 pwritev(5<{}>, [{{}}], 1, 0) = 9\n",
            hexed("/d/f")
        );
        std::fs::write(file.path(), line).unwrap();
        assert!(read(file.path(), &["/d".into()]).is_err());
    }
}

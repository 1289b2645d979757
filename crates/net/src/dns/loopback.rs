//! A server of DNS on this machine that gives written answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::Record as Written;
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, PTR, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::{DnsError, Kind, Record, Resolver};

/// Octets of a question.
const QUESTION_MAX_OCTETS: usize = 4_096;
/// Seconds for which an answer holds.
const TTL_S: u32 = 60;
/// Octets of one piece of a text (RFC 1035 §3.3).
const PIECE_MAX_OCTETS: usize = 255;

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Loopback {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Loopback {
    pub(super) async fn begin(answers: Resolver) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let serve = async move {
            let mut question = vec![0; QUESTION_MAX_OCTETS];
            while let Ok((octets, from)) = socket.recv_from(&mut question).await {
                if let Some(answer) = answer(&answers, &question[..octets]).await {
                    // Who asked is told again if this is lost.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        };
        Ok(Self {
            address,
            task: tokio::spawn(serve),
        })
    }
}

async fn answer(answers: &Resolver, question: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let query = asked.queries.first()?;
    let mut told = Message::response(asked.metadata.id, asked.metadata.op_code);
    told.metadata.recursion_available = true;
    told.queries = vec![query.clone()];
    let kind = match query.query_type() {
        RecordType::A => Some(Kind::A),
        RecordType::AAAA => Some(Kind::Aaaa),
        RecordType::MX => Some(Kind::Mx),
        RecordType::TXT => Some(Kind::Txt),
        RecordType::SRV => Some(Kind::Srv),
        RecordType::PTR => Some(Kind::Ptr),
        _ => None,
    };
    let name = query.name();
    let found = match kind {
        Some(kind) => Box::pin(answers.ask(&name.to_ascii(), kind)).await,
        None => Err(DnsError::NoRecords),
    };
    match found {
        Ok(records) => {
            for record in records {
                let Some(data) = written(record) else {
                    told.metadata.response_code = ResponseCode::ServFail;
                    continue;
                };
                told.answers
                    .push(Written::from_rdata(name.clone(), TTL_S, data));
            }
        }
        Err(DnsError::NoRecords) => {}
        Err(DnsError::NoSuchName) => told.metadata.response_code = ResponseCode::NXDomain,
        Err(DnsError::Failed(_)) => told.metadata.response_code = ResponseCode::ServFail,
    }
    told.to_vec().ok()
}

fn written(record: Record) -> Option<RData> {
    let named = |name: &str| Name::from_ascii(format!("{name}.")).ok();
    Some(match record {
        Record::Address(IpAddr::V4(address)) => RData::A(A(address)),
        Record::Address(IpAddr::V6(address)) => RData::AAAA(AAAA(address)),
        Record::Mx(mx) => RData::MX(MX::new(mx.preference, named(&mx.host)?)),
        Record::Srv(srv) => RData::SRV(SRV::new(0, 0, srv.port, named(&srv.host)?)),
        Record::Name(name) => RData::PTR(PTR(named(&name)?)),
        Record::Txt(text) => {
            let pieces: Vec<&[u8]> = text.chunks(PIECE_MAX_OCTETS).collect();
            RData::TXT(TXT::from_bytes(pieces))
        }
    })
}

//! One connection to one broker, without waiting: requests are queued and written as the socket
//! takes them, answers are cut out of what it gives.
//!
//! A broker answers the requests of a connection in their order, so the first one awaited is the
//! one answered; another correlation id ends the connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Request, StrBytes, encode_request_header_into_buffer};
use mio::net::TcpStream;

use super::answer::{Answer, AnswerBytes};

/// Small answers arrive here, several at a time; large ones begin here.
const AHEAD_BYTES: usize = 16 * 1_024;

/// Buffers that are kept for the next answers, and the largest that is worth keeping for one that
/// may be small.
const SPARE_BUFFERS: usize = 4;

/// How many pieces one system call writes.
const PIECES_AT_ONCE: usize = 64;

/// A request whose answer is on its way, perhaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AwaitedAnswer {
    /// Its correlation id.
    pub(crate) id: i32,
    /// What was asked.
    pub(crate) api: ApiKey,
    /// In which version.
    pub(crate) version: i16,
    /// When it is given up.
    pub(crate) deadline: Instant,
    /// Where it ends among all bytes of the connection.
    ends_at: u64,
}

/// An answer that is arriving.
#[derive(Debug)]
struct PartialFrame {
    bytes: AnswerBytes,
    target: usize,
}

/// A connection, or one that is being made.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    client_id: Option<StrBytes>,
    next_id: i32,
    queue: VecDeque<Bytes>,
    /// How much of the queue's first piece is written.
    begun: usize,
    /// Bytes that were ever queued, and those of them that the socket took.
    queued: u64,
    written: u64,
    awaited: VecDeque<AwaitedAnswer>,
    ahead: Box<[u8]>,
    /// What lies in `ahead` and is not cut yet.
    ahead_from: usize,
    ahead_to: usize,
    arriving: Option<PartialFrame>,
    spare: Vec<AnswerBytes>,
    answer_bytes_max: usize,
}

impl Connection {
    /// Begins to connect. An answer that claims more than `answer_bytes_max` ends it.
    ///
    /// # Errors
    /// The system's, where it refuses at once.
    pub(crate) fn connect(
        address: SocketAddr,
        client_id: Option<StrBytes>,
        answer_bytes_max: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            stream: TcpStream::connect(address)?,
            client_id,
            next_id: 1,
            queue: VecDeque::new(),
            begun: 0,
            queued: 0,
            written: 0,
            awaited: VecDeque::new(),
            ahead: vec![0; AHEAD_BYTES].into(),
            ahead_from: 0,
            ahead_to: 0,
            arriving: None,
            spare: Vec::new(),
            answer_bytes_max,
        })
    }

    /// The socket, to wait for.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether the connection has come about; asked when the socket becomes writable.
    ///
    /// # Errors
    /// The system's, where it has not and will not.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                // Small requests would else wait for the acknowledgement of the one before.
                self.stream.set_nodelay(true)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Queues a request; gives its correlation id.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where the codec can't write it in this version.
    pub(crate) fn send<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        deadline: Instant,
    ) -> io::Result<i32> {
        let api = ApiKey::try_from(R::KEY).map_err(|()| unwritable("an unknown request"))?;
        let (id, mut head) = self.begin(api, version)?;
        request.encode(&mut head, version).map_err(unwritable)?;
        self.finish((id, api, version), vec![head.freeze()], Some(deadline))?;
        Ok(id)
    }

    /// Begins a request that its sender writes by itself: its correlation id, and its first bytes
    /// up to the body. [`Self::finish`] takes them back.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where the codec can't write the header.
    pub(crate) fn begin(&mut self, api: ApiKey, version: i16) -> io::Result<(i32, BytesMut)> {
        let id = self.next_id;
        self.next_id = id.checked_add(1).unwrap_or(1);
        let header = RequestHeader::default()
            .with_request_api_key(api as i16)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(self.client_id.clone());
        let mut head = BytesMut::with_capacity(256);
        head.put_i32(0);
        encode_request_header_into_buffer(&mut head, &header).map_err(unwritable)?;
        Ok((id, head))
    }

    /// Queues a request of these pieces: the first begins with what [`Self::begin`] gave, and they
    /// are written without being joined. Without a deadline no answer comes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] beyond 2 GiB.
    pub(crate) fn finish(
        &mut self,
        (id, api, version): (i32, ApiKey, i16),
        mut pieces: Vec<Bytes>,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let whole: usize = pieces.iter().map(Bytes::len).sum();
        let length = i32::try_from(whole - 4).map_err(unwritable)?;
        if let Some(first) = pieces.first_mut() {
            let mut head = BytesMut::from(std::mem::take(first));
            head[..4].copy_from_slice(&length.to_be_bytes());
            *first = head.freeze();
        }
        self.queue.extend(pieces);
        self.queued += whole as u64;
        if let Some(deadline) = deadline {
            self.awaited.push_back(AwaitedAnswer {
                id,
                api,
                version,
                deadline,
                ends_at: self.queued,
            });
        }
        Ok(())
    }

    /// Writes what the socket takes; true when nothing is left.
    ///
    /// # Errors
    /// The system's; then the connection is lost.
    pub(crate) fn write_some(&mut self) -> io::Result<bool> {
        while let Some(first) = self.queue.front() {
            let mut slices = [IoSlice::new(&[]); PIECES_AT_ONCE];
            slices[0] = IoSlice::new(&first[self.begun..]);
            let count = self.queue.len().min(PIECES_AT_ONCE);
            for (slice, piece) in slices.iter_mut().zip(&self.queue).skip(1) {
                *slice = IoSlice::new(piece);
            }
            match (&self.stream).write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.wrote(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn wrote(&mut self, mut bytes: usize) {
        self.written += bytes as u64;
        while let Some(first) = self.queue.front() {
            let left = first.len() - self.begun;
            if bytes < left {
                self.begun += bytes;
                return;
            }
            bytes -= left;
            self.begun = 0;
            self.queue.pop_front();
        }
    }

    /// Takes what the socket has; whole answers go to `answers`. Where the broker `closes`, its end
    /// is read, too: the socket tells of it only once, together with the last bytes perhaps.
    ///
    /// # Errors
    /// The system's, `UnexpectedEof` when the broker has closed, and `InvalidData` for what is no
    /// answer to what was asked; then the connection is lost.
    pub(crate) fn read_some(&mut self, answers: &mut Vec<Answer>, closes: bool) -> io::Result<()> {
        loop {
            let (asked, read) = self.read();
            match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    self.took(bytes);
                    self.cut(answers)?;
                    // Less than asked for: the socket is empty, and tells when it is not.
                    if bytes < asked && !closes {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// One system call: into the answer that is arriving, and what is behind it into `ahead`, which
    /// is then empty. Gives what it asked for, too.
    fn read(&mut self) -> (usize, io::Result<usize>) {
        let Self { stream, ahead, ahead_to, arriving, .. } = self;
        let mut stream = &*stream;
        let Some(PartialFrame { bytes, target }) = arriving else {
            let room = &mut ahead[*ahead_to..];
            return (room.len(), stream.read(room));
        };
        let room = bytes.room(*target);
        let asked = room.len() + ahead.len();
        let mut slices = [IoSliceMut::new(room), IoSliceMut::new(ahead)];
        (asked, stream.read_vectored(&mut slices))
    }

    fn took(&mut self, bytes: usize) {
        match &mut self.arriving {
            Some(arriving) => {
                let room = arriving.bytes.room(arriving.target).len();
                arriving.bytes.fill(bytes.min(room));
                self.ahead_to += bytes.saturating_sub(room);
            }
            None => self.ahead_to += bytes,
        }
    }

    /// Cuts answers out of what has arrived.
    fn cut(&mut self, answers: &mut Vec<Answer>) -> io::Result<()> {
        loop {
            let ahead = &self.ahead[self.ahead_from..self.ahead_to];
            if let Some(PartialFrame { bytes, target }) = &mut self.arriving {
                let mut ahead = ahead;
                while !ahead.is_empty() && bytes.filled().len() < *target {
                    let room = bytes.room(*target);
                    let count = room.len().min(ahead.len());
                    room[..count].copy_from_slice(&ahead[..count]);
                    bytes.fill(count);
                    ahead = &ahead[count..];
                }
                self.ahead_from = self.ahead_to - ahead.len();
                if bytes.filled().len() < *target {
                    break;
                }
                if let Some(PartialFrame { bytes, .. }) = self.arriving.take() {
                    answers.push(self.answer(bytes)?);
                }
                continue;
            }
            let Some(length) = ahead.first_chunk::<4>() else { break };
            let claimed = i32::from_be_bytes(*length);
            let target = usize::try_from(claimed).ok().filter(|length| *length >= 4);
            let Some(target) = target.filter(|length| *length <= self.answer_bytes_max) else {
                let most = self.answer_bytes_max;
                return Err(foreign(format!(
                    "an answer of {claimed} bytes is none of Kafka's; expected 4 to {most}"
                )));
            };
            self.ahead_from += 4;
            let bytes = self.spare.pop().unwrap_or_default();
            self.arriving = Some(PartialFrame { bytes, target });
        }
        self.ahead.copy_within(self.ahead_from..self.ahead_to, 0);
        self.ahead_to -= self.ahead_from;
        self.ahead_from = 0;
        Ok(())
    }

    fn answer(&mut self, bytes: AnswerBytes) -> io::Result<Answer> {
        let id = bytes.filled().first_chunk::<4>().map_or(0, |id| i32::from_be_bytes(*id));
        // What was awaited and did not come stays among what is lost with the connection.
        match self.awaited.front() {
            Some(&AwaitedAnswer { id: expected, api, version, .. }) if expected == id => {
                self.awaited.pop_front();
                Ok(Answer { id, api, version, bytes })
            }
            Some(AwaitedAnswer { id: expected, api, .. }) => Err(foreign(format!(
                "an answer to request {id} came; expected that to request {expected} ({api:?})"
            ))),
            None => Err(foreign(format!("an answer to request {id} came, and none was awaited"))),
        }
    }

    /// Takes an answer's memory back.
    pub(crate) fn recycle(&mut self, mut bytes: AnswerBytes) {
        if self.spare.len() < SPARE_BUFFERS && bytes.capacity() > 0 {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// The requests without an answer, in their order.
    pub(crate) fn awaited(&self) -> &VecDeque<AwaitedAnswer> {
        &self.awaited
    }

    /// Whether all of a request left for the socket: of less, no broker makes anything.
    pub(crate) fn is_whole(&self, request: &AwaitedAnswer) -> bool {
        request.ends_at <= self.written
    }

    /// Bytes that the socket took.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Bytes that were queued, all together: a request that ends here left once as many are
    /// [`Self::written`].
    pub(crate) fn queued(&self) -> u64 {
        self.queued
    }
}

fn foreign(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn unwritable(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("the request can't be written: {error}"))
}

#[cfg(test)]
mod tests;

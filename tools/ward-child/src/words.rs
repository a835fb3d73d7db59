//! The interpreter: takes words off the end of a reversed list.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::{channel::Channel, hop, offspring, signals};

/// What is wrong with the script, or with the world.
pub(crate) type Problem = Box<dyn std::error::Error>;

/// Does all words.
pub(crate) fn run(words: &mut Vec<String>) -> Result<(), Problem> {
    let mut channel = Channel::default();
    while let Some(word) = words.pop() {
        match word.as_str() {
            "out" => write_out(&format!("{}\n", text(words)?)),
            "err" => write_err(&format!("{}\n", text(words)?)),
            "raw" => write_out(&text(words)?),
            "lines" => lines(number(words)?),
            "bytes" => bytes(number(words)?),
            "env" => {
                let value = std::env::var_os(text(words)?);
                let value = value.map_or("(unset)".into(), |v| v.to_string_lossy().into_owned());
                write_out(&format!("{value}\n"));
            }
            "pid" => write_out(&format!("{}\n", std::process::id())),
            "ppid" => write_out(&format!("{}\n", std::os::unix::process::parent_id())),
            "cwd" => write_out(&format!("{}\n", std::env::current_dir()?.display())),
            "args" => {
                for argument in std::mem::take(words).iter().rev() {
                    write_out(&format!("{argument}\n"));
                }
            }
            "cat" => io::stdin()
                .lock()
                .lines()
                .try_for_each(|line| line.map(|line| write_out(&format!("{line}\n"))))?,
            "touch" => drop(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(text(words)?)?,
            ),
            "append" => {
                let mut file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(text(words)?)?;
                file.write_all(format!("{}\n", text(words)?).as_bytes())?;
            }
            "close-output" => close_output()?,
            "ready" => channel.send("\"ready\"")?,
            "send" => channel.send(&text(words)?)?,
            "recv" => {
                let line = channel.receive()?.unwrap_or_else(|| "(closed)".to_owned());
                write_out(&format!("{line}\n"));
            }
            "expect" => expect(&mut channel, &text(words)?)?,
            "ignore" => signals::ignore(signals::number(&text(words)?)?),
            "exit-on" => signals::exit_on(signals::number(&text(words)?)?, number(words)?),
            "say-on" => signals::say_on(signals::number(&text(words)?)?, text(words)?),
            "kill-self" => signals::kill_self(signals::number(&text(words)?)?),
            "fork" => offspring::fork(words, &[])?,
            "detach" => offspring::fork(words, &["new-session"])?,
            "orphan" => offspring::orphan(words)?,
            "clear-env" => offspring::clear_env(words)?,
            // For the two above, not for scripts.
            "new-session" => drop(rustix::process::setsid()?),
            "sleep" => thread::sleep(milliseconds(words)?),
            "hop" => hop::hop(),
            "hang" => loop {
                thread::park();
            },
            "exit" => std::process::exit(number(words)?),
            "crash-after" => crash_after(milliseconds(words)?),
            "alloc" => alloc(number(words)?),
            "burn" => burn(milliseconds(words)?),
            "listen" => listen(number(words)?)?,
            unknown => return Err(format!("unknown word {unknown:?}, see --help").into()),
        }
    }
    Ok(())
}

/// Writes to stdout at once. A reader that is gone ends this process as it would end any other.
pub(crate) fn write_out(text: &str) {
    if rustix_write(rustix::stdio::stdout(), text.as_bytes()).is_err() {
        std::process::exit(65);
    }
}

/// The same to stderr.
pub(crate) fn write_err(text: &str) {
    if rustix_write(rustix::stdio::stderr(), text.as_bytes()).is_err() {
        std::process::exit(65);
    }
}

fn rustix_write(fd: std::os::fd::BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn text(words: &mut Vec<String>) -> Result<String, Problem> {
    words
        .pop()
        .ok_or_else(|| "a word lacks its argument".into())
}

fn number<N: std::str::FromStr>(words: &mut Vec<String>) -> Result<N, Problem> {
    let word = text(words)?;
    word.parse()
        .map_err(|_| format!("{word:?} is no number that fits here").into())
}

fn milliseconds(words: &mut Vec<String>) -> Result<Duration, Problem> {
    Ok(Duration::from_millis(number(words)?))
}

fn lines(count: u64) {
    let mut block = String::new();
    for line in 1..=count {
        block.push_str("line ");
        block.push_str(&line.to_string());
        block.push('\n');
        if block.len() > 32_000 || line == count {
            write_out(&block);
            block.clear();
        }
    }
}

fn bytes(count: usize) {
    let block = "x".repeat(64 << 10);
    let mut left = count;
    while left > 0 {
        let now = left.min(block.len());
        write_out(&block[..now]);
        left -= now;
    }
}

fn close_output() -> Result<(), Problem> {
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

fn expect(channel: &mut Channel, wanted: &str) -> Result<(), Problem> {
    loop {
        match channel.receive()? {
            Some(line) if line == wanted => return Ok(()),
            Some(_) => {}
            None => std::process::exit(3),
        }
    }
}

fn crash_after(time: Duration) {
    thread::spawn(move || {
        thread::sleep(time);
        write_err("ward-child: crashed, as told\n");
        std::process::exit(1);
    });
}

fn alloc(megabytes: usize) {
    // Not zero, or the kernel would lend the same page for all of it.
    Box::leak(vec![1u8; megabytes << 20].into_boxed_slice());
}

/// Uses a processor until this process has had so much of its time.
fn burn(time: Duration) {
    let used = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    let end = used() + time;
    while used() < end {
        std::hint::spin_loop();
    }
}

fn listen(port: u16) -> Result<(), Problem> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    write_out(&format!("listening {}\n", listener.local_addr()?.port()));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that is gone is its own business.
            answer(connection).ok();
        }
    });
    Ok(())
}

fn answer(mut connection: TcpStream) -> io::Result<()> {
    let mut request = [0; 4096];
    let _length = connection.read(&mut request)?;
    let body = std::process::id().to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes())
}

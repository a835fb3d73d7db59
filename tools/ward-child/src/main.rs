//! The process that ward's tests supervise: it does what its arguments say, word by word, and is as obedient or
//! disobedient as the test needs.

mod channel;
mod hop;
mod offspring;
mod signals;
mod words;

use std::process::ExitCode;

const HELP: &str = "\
Usage: ward-child WORD...

Words are done in order; after the last one the process exits with 0.

Output
  out TEXT          write TEXT and a newline to stdout
  err TEXT          the same to stderr
  raw TEXT          write TEXT to stdout without a newline
  lines N           write `line 1` to `line N` to stdout
  bytes N           write N bytes `x` to stdout
  env NAME          write the value of a variable, or `(unset)`
  pid, ppid, cwd    write the own pid, the parent's pid, the working directory
  args              write the remaining words, one per line, and skip them
  cat               write the lines of stdin to stdout until it ends
  touch FILE        create FILE
  append FILE TEXT  append TEXT and a newline to FILE in one write
  close-output      close stdout and stderr (write to /dev/null from now on)

IPC channel (NODE_CHANNEL_FD)
  ready             send \"ready\"
  send JSON         send this line
  recv              wait for one line and write it to stdout; `(closed)` at the end
  expect JSON       wait for lines until this one comes; exit with 3 if the channel ends

Signals
  ignore SIG        ignore a signal
  exit-on SIG CODE  exit with CODE when the signal comes
  say-on SIG TEXT   write TEXT and a newline to stdout when the signal comes, and go on
  kill-self SIG     send a signal to itself

Other processes (REST ends at `--` or with the last word)
  fork REST         run REST in a child
  detach REST       run REST in a child with a session of its own
  orphan REST       run REST in a grandchild whose parent is gone
  After `--` the process itself goes on. Without it, `fork` and `detach` wait for the child and exit as it
  did, `orphan` exits with 0.
  hop               be another process all the time: fork, let the parent end, begin a session, again
  clear-env         run everything that follows, in the same process, with an empty environment

Time and means
  sleep MS          wait
  hang              wait for ever
  exit N            exit with this code
  crash-after MS    from now on have MS to live, then write to stderr and exit with 1
  alloc MB          take memory and keep it
  burn MS           use a processor
  listen PORT       answer HTTP requests with the own pid, in the background (PORT 0: any; writes the port)
";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if arguments.is_empty() || arguments.first().is_some_and(|word| word == "--help") {
        words::write_out(HELP);
        return ExitCode::SUCCESS;
    }
    arguments.reverse();
    match words::run(&mut arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            words::write_err(&format!("ward-child: {problem}\n"));
            ExitCode::from(64)
        }
    }
}

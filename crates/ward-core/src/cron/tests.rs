use super::*;

const HOUR: u64 = 3_600_000;

fn at(millis: u64) -> Now {
    Now {
        mono: Mono(millis * 1_000_000),
        wall: Wall(millis),
    }
}

fn next(pattern: &str, now: Now) -> Option<Planned> {
    Planned::next(Some(&pattern.into()), now, &TimeZone::UTC).expect("a good pattern")
}

#[test]
fn the_next_full_hour() {
    let planned = next("0 * * * *", at(HOUR / 2)).expect("it comes");
    assert_eq!(planned.due, Wall(HOUR));
    assert_eq!(planned.at, Mono(HOUR * 1_000_000));
}

#[test]
fn six_fields_begin_with_seconds() {
    let planned = next("*/2 * * * * *", at(500)).expect("it comes");
    assert_eq!(planned.due, Wall(2_000));
}

#[test]
fn zero_and_nothing_plan_nothing() {
    assert_eq!(next("0", at(0)), None);
    assert_eq!(Planned::next(None, at(0), &TimeZone::UTC).unwrap(), None);
    let zero = Value::from(0);
    assert_eq!(
        Planned::next(Some(&zero), at(0), &TimeZone::UTC).unwrap(),
        None
    );
}

#[test]
fn a_bad_pattern_says_so() {
    let error = check("abc").unwrap_err().to_string();
    assert!(error.starts_with("Cron pattern error: "), "{error}");
}

#[test]
fn a_clock_set_back_puts_the_restart_off() {
    let mut planned = next("0 * * * *", at(HOUR / 2)).expect("it comes");
    let early = Now {
        mono: Mono(HOUR * 1_000_000),
        wall: Wall(HOUR - 60_000),
    };
    assert!(!planned.is_due(early));
    assert_eq!(planned.at, Mono((HOUR + 60_000) * 1_000_000));
}

/// What PM2's own parser answers, as text. Made with `npm install croner@4.1.97` and
/// `node -e "const { Cron } = require('croner'); const c = Cron(process.argv[1], { timezone: 'UTC', paused: true });
/// let at = new Date('2026-01-05T10:03:07Z');
/// for (let i = 0; i < 4; i++) console.log((at = c.next(at)).toISOString())" "40 1/8 * * *"`
/// for each pattern (2026-01-05 is a Monday). Lists with steps in them only a later version of it
/// takes (4.4.1), which otherwise gives the same times.
const OBSERVED: &str = "\
40 1/8 * * * => 2026-01-05T17:40:00Z 2026-01-06T01:40:00Z 2026-01-06T09:40:00Z 2026-01-06T17:40:00Z
0 0/2 * * * => 2026-01-05T12:00:00Z 2026-01-05T14:00:00Z 2026-01-05T16:00:00Z 2026-01-05T18:00:00Z
5/15 * * * * => 2026-01-05T10:05:00Z 2026-01-05T10:20:00Z 2026-01-05T10:35:00Z 2026-01-05T10:50:00Z
00/05 * * * * => 2026-01-05T10:05:00Z 2026-01-05T10:10:00Z 2026-01-05T10:15:00Z 2026-01-05T10:20:00Z
59/5 * * * * => 2026-01-05T10:59:00Z 2026-01-05T11:59:00Z 2026-01-05T12:59:00Z 2026-01-05T13:59:00Z
5/31 * * * * => 2026-01-05T10:05:00Z 2026-01-05T10:36:00Z 2026-01-05T11:05:00Z 2026-01-05T11:36:00Z
5/60 * * * * => 2026-01-05T10:05:00Z 2026-01-05T11:05:00Z 2026-01-05T12:05:00Z 2026-01-05T13:05:00Z
10/20 * * * * * => 2026-01-05T10:03:10Z 2026-01-05T10:03:30Z 2026-01-05T10:03:50Z 2026-01-05T10:04:10Z
30/7 0/30 * * * * => 2026-01-05T10:30:30Z 2026-01-05T10:30:37Z 2026-01-05T10:30:44Z 2026-01-05T10:30:51Z
0 23/3 * * * => 2026-01-05T23:00:00Z 2026-01-06T23:00:00Z 2026-01-07T23:00:00Z 2026-01-08T23:00:00Z
0 0 1/7 * * => 2026-01-09T00:00:00Z 2026-01-16T00:00:00Z 2026-01-23T00:00:00Z 2026-01-30T00:00:00Z
0 0 0/5 * * => 2026-01-06T00:00:00Z 2026-01-11T00:00:00Z 2026-01-16T00:00:00Z 2026-01-21T00:00:00Z
0 0 1/31 * * => 2026-02-02T00:00:00Z 2026-03-02T00:00:00Z 2026-04-02T00:00:00Z 2026-05-02T00:00:00Z
0 0 30/1 * * => 2026-01-31T00:00:00Z 2026-03-31T00:00:00Z 2026-05-31T00:00:00Z 2026-07-31T00:00:00Z
0 0 1 1/3 * => 2026-02-01T00:00:00Z 2026-05-01T00:00:00Z 2026-08-01T00:00:00Z 2026-11-01T00:00:00Z
0 0 1 0/5 * => 2026-06-01T00:00:00Z 2026-11-01T00:00:00Z 2027-01-01T00:00:00Z 2027-06-01T00:00:00Z
0 0 1 11/2 * => 2026-12-01T00:00:00Z 2027-12-01T00:00:00Z 2028-12-01T00:00:00Z 2029-12-01T00:00:00Z
0 0 1 JAN/3 * => 2026-02-01T00:00:00Z 2026-05-01T00:00:00Z 2026-08-01T00:00:00Z 2026-11-01T00:00:00Z
0 0 * * 1/2 => 2026-01-07T00:00:00Z 2026-01-09T00:00:00Z 2026-01-11T00:00:00Z 2026-01-12T00:00:00Z
0 0 * * 0/2 => 2026-01-06T00:00:00Z 2026-01-08T00:00:00Z 2026-01-10T00:00:00Z 2026-01-11T00:00:00Z
0 0 * * 7/2 => 2026-01-11T00:00:00Z 2026-01-18T00:00:00Z 2026-01-25T00:00:00Z 2026-02-01T00:00:00Z
0 0 * * 6/1 => 2026-01-10T00:00:00Z 2026-01-11T00:00:00Z 2026-01-17T00:00:00Z 2026-01-18T00:00:00Z
0 0 * * MON/2 => 2026-01-07T00:00:00Z 2026-01-09T00:00:00Z 2026-01-11T00:00:00Z 2026-01-12T00:00:00Z
0 0 * * */2 => 2026-01-06T00:00:00Z 2026-01-08T00:00:00Z 2026-01-10T00:00:00Z 2026-01-11T00:00:00Z
0 0 * * 5-7/2 => 2026-01-09T00:00:00Z 2026-01-11T00:00:00Z 2026-01-16T00:00:00Z 2026-01-18T00:00:00Z
0 0 */2 * * => 2026-01-07T00:00:00Z 2026-01-09T00:00:00Z 2026-01-11T00:00:00Z 2026-01-13T00:00:00Z
0 0 1 */2 * => 2026-03-01T00:00:00Z 2026-05-01T00:00:00Z 2026-07-01T00:00:00Z 2026-09-01T00:00:00Z
0 0 1 1-12/3 * => 2026-04-01T00:00:00Z 2026-07-01T00:00:00Z 2026-10-01T00:00:00Z 2027-01-01T00:00:00Z
0 0 1-10/3 * * => 2026-01-07T00:00:00Z 2026-01-10T00:00:00Z 2026-02-01T00:00:00Z 2026-02-04T00:00:00Z
0 0 13 * 5 => 2026-02-13T00:00:00Z 2026-03-13T00:00:00Z 2026-11-13T00:00:00Z 2027-08-13T00:00:00Z
0 0 1/5 * 1/3 => 2026-01-12T00:00:00Z 2026-01-22T00:00:00Z 2026-02-02T00:00:00Z 2026-02-12T00:00:00Z
0 0 L * * => 2026-01-31T00:00:00Z 2026-02-28T00:00:00Z 2026-03-31T00:00:00Z 2026-04-30T00:00:00Z
15,45 9-17 * * 1-5 => 2026-01-05T10:15:00Z 2026-01-05T10:45:00Z 2026-01-05T11:15:00Z 2026-01-05T11:45:00Z
1/8,5 * * * * => 2026-01-05T10:05:00Z 2026-01-05T10:09:00Z 2026-01-05T10:17:00Z 2026-01-05T10:25:00Z
0 0 0/10,15 * * => 2026-01-11T00:00:00Z 2026-01-15T00:00:00Z 2026-01-21T00:00:00Z 2026-01-31T00:00:00Z
0 0 15 0/6,4 * => 2026-01-15T00:00:00Z 2026-04-15T00:00:00Z 2026-07-15T00:00:00Z 2027-01-15T00:00:00Z
5/15,7-9 * * * * => 2026-01-05T10:05:00Z 2026-01-05T10:07:00Z 2026-01-05T10:08:00Z 2026-01-05T10:09:00Z";

#[test]
fn the_times_are_those_of_pm2() {
    let start: Timestamp = "2026-01-05T10:03:07Z".parse().expect("a time");
    for line in OBSERVED.lines() {
        let (pattern, times) = line.split_once(" => ").expect("a pattern and its times");
        let mut now = start;
        let mut found = Vec::new();
        for _ in times.split(' ') {
            let millis = u64::try_from(now.as_millisecond()).expect("after 1970");
            let planned = next(pattern, at(millis)).expect("it comes");
            assert_eq!(planned.pattern, pattern, "kept as written");
            let due = i64::try_from(planned.due.0).expect("not that far");
            now = Timestamp::from_millisecond(due).expect("a time");
            found.push(now.to_string());
        }
        assert_eq!(found.join(" "), times, "{pattern}");
    }
}

#[test]
fn a_step_that_never_comes_is_refused() {
    for pattern in ["5/0 * * * *", "0 24/2 * * *", "1/2/3 * * * *", "5/ * * * *"] {
        assert!(check(pattern).is_err(), "{pattern}");
    }
}

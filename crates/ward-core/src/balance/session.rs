//! Which slot a session belongs to.
//!
//! A session is known by some bytes: an address, or the value of a header or cookie. Each slot draws
//! a number for each session, and the highest draw wins (rendezvous hashing). When a slot is gone,
//! only its own sessions move, and they come back with it.
//!
//! **The algorithm is fixed for ever**, since daemons of different versions (across a live upgrade)
//! and of different machines must find the same slot:
//!
//! - the number of a session is the 64-bit FNV-1a hash of its bytes (offset basis
//!   `cbf29ce484222325`, prime `100000001b3`);
//! - the draw of a slot is `mix(session ^ mix(slot))`, where `mix` is one step of `SplitMix64`: add
//!   `9e3779b97f4a7c15`, then the finalizer with the shifts 30, 27 and 31 and the multipliers
//!   `bf58476d1ce4e5b9` and `94d049bb133111eb`. FNV-1a alone spreads short names unevenly.
//!
//! The tests hold vectors for both, and for the slots that follow from them.

use serde::{Deserialize, Serialize};

use crate::id::InstanceId;

/// What stands for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session(pub u64);

impl Session {
    /// The session these bytes name.
    pub fn of(bytes: &[u8]) -> Self {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        Self(bytes.iter().fold(BASIS, step))
    }

    /// What a slot draws for this session.
    pub fn draw(self, slot: InstanceId) -> u64 {
        mix(self.0 ^ mix(u64::from(slot.0)))
    }
}

/// One step of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
fn mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(session: &[u8], slots: &[u32]) -> u32 {
        let session = Session::of(session);
        let drawn = |slot: &&u32| session.draw(InstanceId(**slot));
        *slots.iter().max_by_key(drawn).unwrap()
    }

    /// The published vectors of FNV-1a.
    #[test]
    fn a_session_is_the_fnv_1a_hash_of_its_bytes() {
        let hashes = [&b""[..], b"a", b"foobar"].map(|bytes| Session::of(bytes).0);
        let published = [
            0xcbf2_9ce4_8422_2325,
            0xaf63_dc4c_8601_ec8c,
            0x8594_4171_f739_67e8,
        ];
        assert_eq!(hashes, published);
    }

    /// The published first numbers of `SplitMix64` with seed 0.
    #[test]
    fn mixing_is_splitmix64() {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let numbers = [0, 1, 2].map(|step: u64| mix(step.wrapping_mul(GAMMA)));
        let published = [
            0xe220_a839_7b1d_cdaf,
            0x6e78_9e6a_a1b9_65f4,
            0x06c4_5d18_8009_454f,
        ];
        assert_eq!(numbers, published);
    }

    #[test]
    fn the_slots_of_known_sessions_never_change() {
        let slots = [0, 1, 2, 3];
        let sessions = [&b"alice"[..], b"bob", b"carol", b"s%3A1", &[127, 0, 0, 1]];
        let homes = sessions.map(|session| home(session, &slots));
        assert_eq!(homes, [1, 1, 0, 0, 2]);
    }

    #[test]
    fn only_the_sessions_of_a_slot_that_is_gone_move() {
        for session in 0..1000_u32 {
            let bytes = session.to_be_bytes();
            let before = home(&bytes, &[0, 1, 2, 3]);
            let after = home(&bytes, &[0, 1, 3]);
            assert!(before == 2 || before == after, "session {session}");
        }
    }

    #[test]
    fn sessions_are_spread_evenly() {
        let mut counts = [0_u32; 4];
        for session in 0..10_000_u32 {
            counts[home(format!("session-{session}").as_bytes(), &[0, 1, 2, 3]) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (2300..2700).contains(count)),
            "{counts:?}"
        );
    }
}

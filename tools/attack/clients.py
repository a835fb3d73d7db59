"""Attacks by clients of the daemon: other processes of its own user."""

import json
import pathlib
import socket
import struct

from target import call

STOPPED = {"script": "/bin/sleep", "args": "1000", "interpreter": "none", "autostart": False}


def declare(target, count, **settings):
    """Declares apps that do not run."""
    apps = [{**STOPPED, "name": f"app{number}", **settings} for number in range(count)]
    (target.folder / "many.json").write_text(json.dumps({"apps": apps}))
    return target.run("start", "many.json")


def unread_replies(target, scale):
    """4 clients with 64 big replies each that they do not read"""
    declare(target, 500)
    mute = []
    for _ in range(4 * scale):
        connection = target.connect()
        for number in range(64):
            connection.sendall(call("getMonitorData", {}, number=number))
        mute.append(connection)
    listed = target.run("jlist")
    for connection in mute:
        connection.close()
    return f"jlist has {len(listed.stdout) >> 10} KiB"


def half_frames(target, scale):
    """200 clients that announce large frames and send half of them"""
    halves = []
    for _ in range(200 * scale):
        connection = target.connect()
        connection.setblocking(False)
        half = struct.pack("B", 0x12) + struct.pack(">I", 16 << 20) + b"j:\"" + b"x" * (2 << 20)
        try:
            connection.send(half)
        except OSError:
            pass
        halves.append([connection, half])
    # Again and again what the sockets take.
    for _ in range(20):
        for item in halves:
            try:
                item[0].send(b"x" * (256 << 10))
            except OSError:
                pass
    for connection, _ in halves:
        connection.close()


def silent_clients(target, scale):
    """5,000 clients and as many subscribers that say nothing"""
    silent = []
    for _ in range(2500 * scale):
        for name in ("rpc.sock", "pub.sock"):
            connection = socket.socket(socket.AF_UNIX)
            connection.setblocking(False)
            connection.connect_ex(str(target.home / name))
            silent.append(connection)
    answer = target.run("ping")
    for connection in silent:
        connection.close()
    if b"pong" not in answer.stdout:
        raise RuntimeError("ping is not answered beside silent clients")


def endless_scale(target, _scale):
    """scale and start with numbers beyond all sense"""
    declare(target, 1)
    for words in (["scale", "app0", "1000000000000"], ["start", "/bin/sleep", "-i", "4000000000", "--", "1000"]):
        if target.run(*words).returncode == 0:
            raise RuntimeError(f"{' '.join(words)} is not refused")


def large_environments(target, scale):
    """700 apps from a shell with 100 kB of environment"""
    (target.folder / "many.json").write_text(json.dumps({
        "apps": [{**STOPPED, "name": f"app{number}"} for number in range(700 * scale)],
    }))
    done = target.run("start", "many.json", env={"LARGE": "x" * 100_000})
    # `jlist` would make the daemon write all those environments into one reply, which is what was asked for.
    listed = target.run("ls").stdout.count(b"app")
    if done.returncode == 0 and listed < 700 * scale:
        raise RuntimeError(f"exit 0, but {listed} apps")
    if done.returncode and b"cannot" not in done.stdout:
        raise RuntimeError(f"no clear error: {done.stdout[-200:]}")
    return f"exit {done.returncode}, {listed} apps"


def resurrect(target, scale):
    """a saved list of 20,000 apps"""
    declare(target, 1)
    target.run("save").check_returncode()
    dump = pathlib.Path(target.home, "dump.pm2")
    saved = json.loads(dump.read_text())[0]
    count = 20_000 * scale
    dump.write_text(json.dumps([{**saved, "name": f"app{number}", "pm_id": number} for number in range(count)]))
    target.run("delete", "all")
    done = target.run("resurrect")
    listed = target.run("jlist")
    found = listed.stdout.count(b'"pm_id"')
    if done.returncode or found < count:
        raise RuntimeError(f"resurrect: exit {done.returncode}, {found} of {count} apps")


resurrect.apps_grow = True


def nested_config(target, _scale):
    """a JSON config nested 200,000 deep"""
    (target.folder / "deep.json").write_text('{"apps":' + "[" * 200_000 + "]" * 200_000 + "}")
    done = target.run("start", "deep.json")
    if done.returncode < 1:
        raise RuntimeError(f"the command ended with {done.returncode}")


ATTACKS = {
    "unread-replies": unread_replies, "half-frames": half_frames, "silent-clients": silent_clients,
    "endless-scale": endless_scale, "large-environments": large_environments, "resurrect": resurrect,
    "nested-config": nested_config,
}

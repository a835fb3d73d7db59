
// Settling: a worker that has loaded, waits for nothing it asked for itself and listens nowhere may never
// listen. Whoever started it need not wait any longer; the daemon knows whether it has asked for a socket.
if (typeof process.send === 'function' && require('worker_threads').isMainThread &&
    require('cluster').isWorker) {
  // The app may replace these.
  const { setTimeout, process, performance } = globalThis
  const send = process.send
  const LOOK_MS = 25
  // So many looks in a row must find it idle: many wait a moment between two steps of their start.
  const LOOKS = 2
  // One that is busy for so long is busy for good.
  const GIVE_UP_MS = 60000

  // Files being read, names being looked up, connections being made.
  const asking = () => (process._getActiveRequests
    ? process._getActiveRequests().length
    : process.getActiveResourcesInfo().filter((it) => /Req|ConnectWrap|WriteWrap/.test(it)).length)

  const sight = () => ({ loop: performance.eventLoopUtilization(), cpu: process.cpuUsage(), at: performance.now() })

  const look = (before, idle, pause) => {
    const now = sight()
    const { idle: rest, active } = performance.eventLoopUtilization(now.loop, before.loop)
    // Threads that compress, hash or compile are seen by the time they use only.
    const { user, system } = process.cpuUsage(before.cpu)
    const calm = (user + system) / 1e3 < (now.at - before.at) / 10
    const rests = rest >= 0.8 * LOOK_MS && rest >= 4 * active && calm && asking() === 0
    idle = rests ? idle + 1 : 0
    if (idle === LOOKS) {
      if (process.connected) send.call(process, { cmd: 'NODE_WARD', act: 'settled' }, undefined, undefined, () => {})
      return
    }
    pause = rests ? LOOK_MS : Math.min(pause * 1.1, 500)
    if (now.at < GIVE_UP_MS) setTimeout(look, pause, now, idle, pause).unref()
  }
  setTimeout(look, LOOK_MS, sight(), 0, LOOK_MS).unref()
}


// Reporting: metrics, uncaught exceptions and a heap dump on demand, as PM2's users know them. It
// goes through messages of ward's own, so that the app sees none of it, and ends when the app
// reports by itself.
if (typeof process.send === 'function' && require('worker_threads').isMainThread &&
    require('cluster').isWorker) {
  // The app may replace these.
  const { setTimeout, clearTimeout, process } = globalThis
  const { hrtime, cpuUsage, memoryUsage } = process
  const send = process.send
  const SHORTEST = 1000
  const LONGEST = 16000
  const WINDOW = 60000
  let silent = false
  let introduced = false

  const now = () => {
    const [seconds, nanos] = hrtime()
    return seconds * 1e3 + nanos / 1e6
  }

  const tell = (body) => {
    if (!process.connected) return
    try {
      send.call(process, { cmd: 'NODE_WARD', act: 'report', ...body }, undefined, undefined, () => {})
    } catch {
      // What cannot be told is left out; the app must not notice.
    }
  }

  // A library that reports by itself is there, and speaks for the app.
  const spokenFor = () => {
    silent ||= Object.keys(require.cache)
      .some((file) => /[\\/]node_modules[\\/](@pm2[\\/]io|pmx)[\\/]/.test(file))
    return silent
  }

  // Durations of the last minute, the newest of them.
  class Durations {
    constructor (size) {
      this.values = new Float64Array(size)
      this.times = new Float64Array(size)
      this.count = 0
    }

    add (value, time) {
      const place = this.count++ % this.values.length
      this.values[place] = value
      this.times[place] = time
    }

    percentiles (since) {
      const size = Math.min(this.count, this.values.length)
      const recent = this.values.slice(0, size).filter((_, place) => this.times[place] >= since).sort()
      const at = (share) => recent[Math.min(recent.length - 1, Math.floor(recent.length * share))] || 0
      return [at(0.5), at(0.95)]
    }
  }

  const loop = new Durations(60)
  const served = new Map()
  const starts = new WeakMap()
  let timed = 0
  let skip = 0
  let interval = SHORTEST
  let timer
  let due
  let busy = cpuUsage()
  let last = now()
  let said = {}
  let saidAt = 0

  const arm = (delay) => {
    interval = delay
    due = now() + delay
    timer = setTimeout(sample, delay)
    timer.unref()
  }

  // The web. Node publishes these events only to those who listen.
  const channels = []
  const follow = (topic, listener) => {
    const channel = require('diagnostics_channel').channel(topic)
    channel.subscribe(listener)
    // Else it may be collected, and the listener with it.
    channels.push(channel)
  }
  // All requests are counted. To time one costs ten times as much: the more were timed since the
  // last sample, the more are passed over before the next one.
  const observe = () => {
    follow('http.server.request.start', ({ request }) => {
      if (silent || skip-- > 0) return
      skip = (1 << (timed++ >> 4)) - 1
      starts.set(request, now())
    })
    follow('http.server.response.finish', ({ request }) => {
      if (silent) return
      const kind = request.socket && request.socket.encrypted ? 'HTTPS' : 'HTTP'
      let traffic = served.get(kind)
      if (!traffic) served.set(kind, traffic = { fresh: 0, counts: [], latency: new Durations(512) })
      traffic.fresh++
      const began = starts.get(request)
      if (began !== undefined) {
        const time = now()
        traffic.latency.add(time - began, time)
      }
      if (interval > SHORTEST) {
        clearTimeout(timer)
        arm(SHORTEST)
      }
    })
  }

  const count = (list, resources) => {
    if (typeof process[list] === 'function') return process[list]().length
    const all = process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : []
    return all.filter(resources).length
  }

  const metric = (value, type, unit) => (
    unit ? { historic: true, unit, type, value } : { historic: true, type, value }
  )

  const metrics = (time) => {
    const { heapTotal, heapUsed } = memoryUsage()
    const [p50, p95] = loop.percentiles(time - WINDOW)
    const all = {
      'Heap Size': metric((heapTotal / 1048576).toFixed(2), 'internal/v8/heap/total', 'MiB'),
      'Heap Usage': metric(Number((heapUsed / heapTotal * 100).toFixed(2)), 'internal/v8/heap/usage', '%'),
      'Used Heap Size': metric((heapUsed / 1048576).toFixed(2), 'internal/v8/heap/used', 'MiB'),
      'Active requests': metric(count('_getActiveRequests', (it) => it.includes('Req')), 'internal/libuv/requests'),
      'Active handles': metric(count('_getActiveHandles', (it) => it.includes('Wrap')), 'internal/libuv/handles'),
      'Event Loop Latency': metric(p50.toFixed(2), 'internal/libuv/latency/p50', 'ms'),
      'Event Loop Latency p95': metric(p95.toFixed(2), 'internal/libuv/latency/p95', 'ms')
    }
    timed = skip = 0
    for (const [kind, traffic] of served) {
      const type = `internal/${kind.toLowerCase()}/builtin`
      if (traffic.fresh > 0) traffic.counts.push([time, traffic.fresh])
      traffic.fresh = 0
      while (traffic.counts.length > 0 && traffic.counts[0][0] < time - WINDOW) traffic.counts.shift()
      const rate = traffic.counts.reduce((sum, [, number]) => sum + number, 0)
      const [middle, slow] = traffic.latency.percentiles(time - WINDOW)
      all[`${kind} Mean Latency`] = metric(Number(middle.toFixed(2)), `${type}/latency/p50`, 'ms')
      all[`${kind} P95 Latency`] = metric(Number(slow.toFixed(2)), `${type}/latency/p95`, 'ms')
      all[kind] = metric(rate, `${type}/reqs`, 'req/min')
    }
    return all
  }

  // Noise is not worth a message: what moved by less than a tenth and less than one unit.
  const moved = (before, after) => {
    if (before === undefined) return true
    const step = Math.abs(after.value - before.value)
    return step >= 1 && step > Math.abs(before.value) / 10
  }

  const introduction = () => ({
    node_version: process.versions.node,
    actions: [{ action_name: 'km:heapdump', action_type: 'internal', arity: 2 }],
    options: {
      error: true,
      heapdump: true,
      latency: true,
      catchExceptions: true,
      profiling: false,
      metrics: { v8: true, network: false, eventLoop: true, runtime: true, http: true },
      standalone: false,
      module_conf: {}
    }
  })

  const sample = () => {
    const time = now()
    if (!introduced && spokenFor()) return
    if (silent) return
    loop.add(Math.max(0, time - due), time)
    const used = cpuUsage(busy)
    const idle = (used.user + used.system) / 1e3 < (time - last) * 0.01
    busy = cpuUsage()
    last = time
    const current = metrics(time)
    const news = Object.keys(current).filter((name) => moved(said[name], current[name]))
    // Small steps add up.
    if (news.length > 0 || (!idle && time - saidAt > 10 * SHORTEST)) {
      tell({ ...(introduced ? {} : introduction()), monitor: current })
      introduced = true
      said = current
      saidAt = time
    }
    arm(idle ? Math.min(interval * 2, LONGEST) : SHORTEST)
  }

  // Looks on only: Node prints and ends as it does without us. PM2's library leaves this to its
  // primary in cluster mode, and does it itself elsewhere.
  process.on('uncaughtExceptionMonitor', (error) => {
    if (spokenFor() && process.listenerCount('uncaughtException') > 0) return
    const text = (value) => {
      try {
        return String(value)
      } catch {
        return 'an error without a text'
      }
    }
    const whole = error instanceof Error
    const message = text(whole ? error.message : error)
    const stack = whole && error.stack ? text(error.stack) : message
    tell({ exception: { message, stack, name: whole ? text(error.name) : 'Error' } })
  })

  const heapdump = (wish) => {
    const fs = require('fs')
    const path = require('path')
    const file = typeof wish === 'string' && wish.endsWith('.heapsnapshot')
      ? path.resolve(wish)
      : path.resolve(`heap-${process.pid}-${Date.now()}.heapsnapshot`)
    // All secrets of the app are in it.
    fs.closeSync(fs.openSync(file, 'wx', 0o600))
    require('v8').writeHeapSnapshot(file)
    return { success: true, file }
  }

  process.on('internalMessage', (message) => {
    if (!message || message.cmd !== 'NODE_WARD') return
    if (message.act === 'silence') silent = true
    if (message.act !== 'action' || silent) return
    let answer
    try {
      answer = message.name === 'km:heapdump'
        ? heapdump(message.opts)
        : { success: false, error: `there is no action ${message.name}` }
    } catch (error) {
      answer = { success: false, error: error.message }
    }
    tell({ reply: { at: Date.now(), action_name: message.name, return: answer } })
  })

  observe()
  arm(SHORTEST)
}

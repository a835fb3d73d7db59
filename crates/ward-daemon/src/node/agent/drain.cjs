// Draining: nothing happens until the daemon asks the worker to finish; then every connection ends
// after its current answer, and the daemon is told when none is left.
if (typeof process.send === 'function' && require('worker_threads').isMainThread) {
  // As long as Node itself keeps an idle connection by default.
  const IDLE_MS = 5000
  // What was read from a UDP socket is answered within this time, or nobody will know.
  const ANSWER_MS = 100
  const fs = require('fs')
  const net = require('net')
  const servers = new Set()
  const sessions = new Set()
  let began = 0
  let told = -1
  let hold
  let datagrams = []

  const say = (act, more) => {
    if (process.connected) process.send({ cmd: 'NODE_WARD', act, ...more }, () => {})
  }

  const listen = net.Server.prototype.listen
  net.Server.prototype.listen = function (...args) {
    if (!servers.has(this)) {
      servers.add(this)
      this.once('close', () => servers.delete(this))
      this.on('session', (session) => {
        sessions.add(session)
        session.once('close', () => sessions.delete(session))
        if (began) retire(session)
      })
    }
    return Reflect.apply(listen, this, args)
  }
  Object.defineProperty(net.Server.prototype.listen, 'name', { value: 'listen' })

  // The answer says `Connection: close`, and Node ends the connection behind it.
  const last = (request, response) => {
    if (!response.headersSent && 'shouldKeepAlive' in response) response.shouldKeepAlive = false
  }

  // HTTP/2 as RFC 9113, section 6.8, has it: the client is asked to open no more streams, and when its
  // answer to a PING behind that is here, so is everything it sent before. Node has no such good-bye:
  // its own `goaway` ignores the streams that cross it. So the frame goes past Node into the socket,
  // at a moment when all that Node wrote, which is whole frames, has left. It cannot wait in line behind
  // it, for Node would take its end for that of a write of its own.
  const NO_MORE = Buffer.from('0000080700000000007fffffff00000000', 'hex')
  const ask = (session, handle, close) => {
    let sent = 0
    const send = () => {
      if (sent > 0 || session.destroyed || session.closed) return
      try {
        if (handle.writeQueueSize === 0) sent = fs.writeSync(handle.fd, NO_MORE)
      } catch {
        // The kernel's buffer is full, or the connection broken.
      }
      if (sent === 0) return
      clearInterval(again)
      // Behind half a frame nothing else can be sent. No kernel is known to split so few bytes.
      if (sent < NO_MORE.length) return session.destroy()
      session.ping(close)
      expect(handle, close)
    }
    const again = setInterval(send, 10).unref()
    session.once('close', () => clearInterval(again)).on('stream', send)
    // A connection that is never done with writing gets Node's own good-bye.
    setTimeout(() => sent || close(), 3000).unref()
    send()
  }

  // An answer that takes long can be behind much that is still on its way, or either side has no
  // turn. One that never comes is not waited for: when nothing moved at three looks, or at the tenth.
  const expect = (handle, close, moved = -1, still = 0, looks = 0) => {
    const now = handle.bytesRead + handle.bytesWritten - handle.writeQueueSize
    if (now !== moved) still = 0
    if (still === 3 || looks === 10) close()
    else setTimeout(expect, 1000, handle, close, now, still + 1, looks + 1).unref()
  }

  // Nothing can be written past TLS: Node's own good-bye is all there is, and it refuses the streams
  // that cross it. So it is said when the client can hardly be about to ask: when as many of its
  // requests are open here as it ever has at once. To know how many these are takes a while.
  const guess = (session, close) => {
    const since = Date.now()
    let open = 0
    let most = 0
    let times = 0
    session.on('stream', (stream) => {
      most = Math.max(most, ++open)
      stream.once('close', () => open--)
      const past = Date.now() - since
      if (open < most || past < 250) return
      if (++times > 50 || past > 750) close()
    })
    setTimeout(() => most || close(), 500).unref()
    setTimeout(close, 1500).unref()
  }

  const retire = (session) => {
    const close = () => session.destroyed || session.closed || session.close()
    const handle = session.socket?._handle
    if (!['TCP', 'Pipe'].includes(handle?.constructor.name)) return guess(session, close)
    const begin = () => {
      if (begun) return
      begun = true
      ask(session, handle, close)
    }
    // The first frame of a session has to be Node's own.
    let begun = false
    if (!session.pendingSettingsAck) return begin()
    session.once('localSettings', begin)
    setTimeout(begin, 1000).unref()
  }

  // Datagrams are left to the other workers that share the socket. Only those that came through the
  // cluster, whose handles have a `close` of their own, are: no other worker reads the rest.
  const leave = () => {
    const shared = []
    for (const it of process._getActiveHandles?.() ?? []) {
      if (typeof it?.setMulticastTTL !== 'function') continue
      for (const symbol of Object.getOwnPropertySymbols(it)) {
        const handle = it[symbol]?.handle
        if (typeof handle?.recvStop !== 'function' || !Object.hasOwn(handle, 'close')) continue
        handle.recvStop()
        shared.push(handle)
      }
    }
    return shared
  }
  const unsent = () => datagrams.some((handle) => handle.getSendQueueCount?.() > 0)

  const release = () => clearTimeout(hold)

  const count = () => {
    const open = [...servers].map((server) => new Promise((resolve) => {
      server.getConnections((error, number) => resolve(error ? 0 : number))
    }))
    Promise.all(open).then((numbers) => {
      const left = numbers.reduce((sum, number) => sum + number, 0)
      if (left !== told) say('open', { count: told = left })
      if (left > 0 || sessions.size > 0 || unsent()) {
        if (Date.now() - began > IDLE_MS) {
          for (const server of servers) server.closeIdleConnections?.()
        }
        hold = setTimeout(count, 20)
      } else {
        say('drained')
        // What the daemon sends now shall find the process, not its end.
        hold = setTimeout(release, 1000)
      }
    })
  }

  const drain = () => {
    began = Date.now()
    for (const server of servers) {
      server.prependListener('request', last)
      // Accepts no more; unlike http's own close it leaves idle connections alone.
      if (server.listening) net.Server.prototype.close.call(server)
    }
    for (const session of sessions) retire(session)
    // An app that ends by having nothing left to do shall not wait for us. We listen once and are
    // gone when the app hears it: some count who else listens, some send themselves the signal again.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR2']) {
      if (process.listenerCount(signal) > 0) process.prependOnceListener(signal, release)
    }
    datagrams = leave()
    if (datagrams.length > 0) hold = setTimeout(count, ANSWER_MS)
    else count()
  }

  process.on('internalMessage', (message) => {
    if (message && message.cmd === 'NODE_WARD' && message.act === 'drain' && !began) drain()
  })
  say('hello', { node: process.versions.node })
}

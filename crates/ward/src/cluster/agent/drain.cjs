// Draining: nothing happens until the daemon asks the worker to finish; then every connection ends
// after its current answer, and the daemon is told when none is left.
if (typeof process.send === 'function' && require('worker_threads').isMainThread) {
  // As long as Node itself keeps an idle connection by default.
  const IDLE_MS = 5000
  const net = require('net')
  const servers = new Set()
  const sessions = new Set()
  let began = 0
  let told = -1
  let hold

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
  // its own `goaway` ignores the streams that cross it. So the frame is written on the socket, where
  // whole frames of Node's own wait in line.
  const NO_MORE = Buffer.from('0000080700000000007fffffff00000000', 'hex')
  const retire = (session) => {
    const close = () => session.destroyed || session.closed || session.close()
    const ask = () => {
      if (session.destroyed || session.closed) return
      // The session's own `socket` may not be written to, but it gives the one below.
      session.socket.off('close', close).write(NO_MORE)
      session.ping(close)
    }
    // The first frame of a session has to be Node's.
    if (session.pendingSettingsAck) session.once('localSettings', ask)
    else ask()
    setTimeout(close, 1000).unref()
  }

  const release = () => clearTimeout(hold)

  const count = () => {
    const open = [...servers].map((server) => new Promise((resolve) => {
      server.getConnections((error, number) => resolve(error ? 0 : number))
    }))
    Promise.all(open).then((numbers) => {
      const left = numbers.reduce((sum, number) => sum + number, 0)
      if (left !== told) say('open', { count: told = left })
      if (left > 0 || sessions.size > 0) {
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
    // An app that ends by having nothing left to do shall not wait for us.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR2']) {
      if (process.listenerCount(signal) > 0) process.prependListener(signal, release)
    }
    count()
  }

  process.on('internalMessage', (message) => {
    if (message && message.cmd === 'NODE_WARD' && message.act === 'drain' && !began) drain()
  })
  say('hello', { node: process.versions.node })
}

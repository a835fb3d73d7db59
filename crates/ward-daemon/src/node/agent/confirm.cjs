
// Confirming: for each connection Node writes two lines to its primary, that it has read the descriptor
// and, before code of the app runs, whether it takes the connection. To ward the second says the first,
// too, so the first is left out where the second follows at once: a line less to write, and to read.
if (typeof process._send === 'function' && require('worker_threads').isMainThread &&
    require('cluster').isWorker) {
  const { process } = globalThis
  const send = process._send
  const turn = Promise.resolve()
  // Descriptors that were read, and the daemon does not know it.
  let unconfirmed = 0
  const confirm = () => {
    for (; unconfirmed > 0; unconfirmed--) send.call(process, { cmd: 'NODE_HANDLE_ACK' }, null, true)
  }
  process._send = function (message, handle, options, callback) {
    if (message?.cmd === 'NODE_HANDLE_ACK') {
      // The answer comes with a later tick, and all ticks come before this. A socket to share has none.
      if (unconfirmed++ === 0) turn.then(confirm)
      return true
    }
    // Confirmations have no number: this one must not be taken for that of an earlier descriptor.
    if (message?.cmd === 'NODE_HANDLE_NACK') confirm()
    else if (unconfirmed > 0 && message?.cmd === 'NODE_CLUSTER' && 'accepted' in message) unconfirmed--
    return send.call(this, message, handle, options, callback)
  }
}

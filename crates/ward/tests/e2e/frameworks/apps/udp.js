const seen = require('./seen.cjs')

const socket = require('dgram').createSocket('udp4')
socket.on('message', (text, from) => {
  const answer = JSON.stringify({ echo: String(text), ...seen(require.main === module) })
  socket.send(answer, from.port, from.address)
})
// Node says that it listens only behind this callback, and then it has its turns.
socket.bind(process.env.PORT, '127.0.0.1', () => setImmediate(() => process.send('ready')))

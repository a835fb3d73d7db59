const { WebSocketServer } = require('ws')
const seen = require('./seen.cjs')

// Node says that it listens only behind this callback, and then it has its turns.
const server = new WebSocketServer({ port: process.env.PORT }, () => setImmediate(() => process.send('ready')))
server.on('connection', (socket) => {
  socket.on('message', (text) => {
    socket.send(JSON.stringify({ echo: String(text), ...seen(require.main === module) }))
  })
})

const { WebSocketServer } = require('ws')
const seen = require('./seen.js')

const server = new WebSocketServer({ port: process.env.PORT })
server.on('connection', (socket) => {
  socket.on('message', (text) => {
    socket.send(JSON.stringify({ echo: String(text), ...seen(require.main === module) }))
  })
})

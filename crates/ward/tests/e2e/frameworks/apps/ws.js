const { WebSocketServer } = require('ws')
const seen = require('./seen.cjs')

const server = new WebSocketServer({ port: process.env.PORT }, () => process.send('ready'))
server.on('connection', (socket) => {
  socket.on('message', (text) => {
    socket.send(JSON.stringify({ echo: String(text), ...seen(require.main === module) }))
  })
})

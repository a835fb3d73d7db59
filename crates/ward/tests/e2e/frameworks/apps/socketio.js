const { Server } = require('socket.io')
const seen = require('./seen.cjs')

const server = require('http').createServer()
new Server(server).on('connection', (socket) => {
  socket.on('ask', (text, answer) => answer({ echo: text, ...seen(require.main === module) }))
})
// Node says that it listens only behind this callback, and then it has its turns.
server.listen(process.env.PORT, () => setImmediate(() => process.send('ready')))

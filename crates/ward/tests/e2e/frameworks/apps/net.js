// Answers every connection by what the worker says, then by what it was sent.
const seen = require('./seen.cjs')

require('net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.write(JSON.stringify(seen(require.main === module)) + '\n')
  socket.pipe(socket)
// Node says that it listens only behind this callback, and then it has its turns.
}).listen(process.env.LISTEN, () => setImmediate(() => process.send('ready')))

// Answers every connection by what the worker says, then by what it was sent.
const seen = require('./seen.cjs')

require('net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.write(JSON.stringify(seen(require.main === module)) + '\n')
  socket.pipe(socket)
}).listen(process.env.LISTEN, () => process.send('ready'))

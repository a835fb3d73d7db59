// Answers every connection by what the worker says, then by what it was sent.
const seen = require('./seen.js')

require('net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.write(JSON.stringify(seen(require.main === module)) + '\n')
  socket.pipe(socket)
}).listen(process.env.LISTEN)

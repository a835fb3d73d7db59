// HTTP/2 and HTTP/1 over TLS on PORT, HTTP/2 in the clear on CLEAR, bare TLS on BARE.
const fs = require('fs')
const http2 = require('http2')
const tls = require('tls')
const seen = require('./seen.js')

const identity = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') }
const answer = (request, response) => {
  const body = { version: request.httpVersion, ...seen(require.main === module) }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}
http2.createSecureServer({ ...identity, allowHTTP1: true }, answer).listen(process.env.PORT)
http2.createServer(answer).listen(process.env.CLEAR)
tls.createServer(identity, (socket) => {
  socket.end(JSON.stringify({ reused: socket.isSessionReused(), ...seen(require.main === module) }))
}).listen(process.env.BARE)

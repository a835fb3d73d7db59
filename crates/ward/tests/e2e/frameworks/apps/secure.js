// HTTP/2 and HTTP/1 over TLS on PORT, HTTP/2 in the clear on CLEAR, bare TLS on BARE.
const { once } = require('events')
const fs = require('fs')
const http2 = require('http2')
const tls = require('tls')
const seen = require('./seen.cjs')

const identity = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') }
const see = (more) => JSON.stringify({ ...more, ...seen(require.main === module) })
const answer = (request, response) => response.end(see({ version: request.httpVersion }))

const servers = [
  http2.createSecureServer({ ...identity, allowHTTP1: true }, answer).listen(process.env.PORT),
  http2.createServer(answer).listen(process.env.CLEAR),
  tls.createServer(identity, (socket) => {
    socket.end(see({ reused: socket.isSessionReused() }))
  }).listen(process.env.BARE),
]
Promise.all(servers.map((server) => once(server, 'listening'))).then(() => process.send('ready'))

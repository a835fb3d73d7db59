'use strict'
// The same worker for every primary: a small answer with the worker's process id.
const body = String(process.pid)
require('http').createServer((request, response) => {
  response.setHeader('Content-Length', body.length)
  response.end(body)
}).listen(process.env.PORT)

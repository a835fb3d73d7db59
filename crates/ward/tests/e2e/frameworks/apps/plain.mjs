// Written for node's own modules, which Deno and Bun have too.
import { Buffer } from 'node:buffer'
import http from 'node:http'
import net from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import seen from './seen.cjs'

const body = () => JSON.stringify(seen(process.argv[1] === fileURLToPath(import.meta.url)))
http.createServer((request, response) => {
  const text = body()
  response.setHeader('Content-Length', Buffer.byteLength(text))
  response.end(text)
}).listen(Number(process.env.PORT))
net.createServer((socket) => socket.end(body())).listen(Number(process.env.RAW))

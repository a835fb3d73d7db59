// Run by node as it is: the types are stripped.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import seen from './seen.cjs'

interface Answer {
  pid: number
  main: boolean
}

// Newer versions of node say it themselves.
const meta = import.meta as { main?: boolean, url: string }
const main: boolean = meta.main ?? process.argv[1] === fileURLToPath(meta.url)

createServer((request: IncomingMessage, response: ServerResponse): void => {
  const body: string = JSON.stringify(seen(main) as Answer)
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
}).listen(Number(process.env.PORT))

import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import seen from './seen.cjs'

const app = Fastify()
app.get('/', async () => seen(process.argv[1] === fileURLToPath(import.meta.url)))
// A top-level await, and a host name that the worker resolves before it asks for the socket.
await app.listen({ port: process.env.PORT, host: 'localhost' })

process.on('SIGINT', async () => {
  await app.close()
  console.log('closed in good order')
  process.exit(0)
})

import { fileURLToPath } from 'node:url'
import Koa from 'koa'
import seen from './seen.cjs'

const app = new Koa()
app.use((context) => {
  context.body = seen(process.argv[1] === fileURLToPath(import.meta.url))
})
app.listen(process.env.PORT, '0.0.0.0')

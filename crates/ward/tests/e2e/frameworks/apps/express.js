const express = require('express')
const seen = require('./seen.cjs')

const app = express()
app.get('/', (request, response) => response.json(seen(require.main === module)))
const server = app.listen(process.env.PORT)

process.on('SIGINT', () => server.close(() => {
  console.log('closed in good order')
  process.exit(0)
}))

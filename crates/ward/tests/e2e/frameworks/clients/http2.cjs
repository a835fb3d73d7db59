// So many sessions with two requests at once; prints both answers per session.
const fs = require('fs')
const http2 = require('http2')

const [scheme, port, count] = process.argv.slice(2)
setTimeout(() => process.exit(7), 30_000).unref()

const ask = (session) => new Promise((resolve, reject) => {
  let text = ''
  const stream = session.request({ ':path': '/' })
  stream.setEncoding('utf8')
  stream.on('data', (more) => { text += more })
  stream.on('end', () => resolve(JSON.parse(text)))
  stream.on('error', reject)
})

const main = async () => {
  const all = []
  for (let done = 0; done < count; done++) {
    const session = http2.connect(`${scheme}://localhost:${port}`, { ca: fs.readFileSync('cert.pem') })
    all.push(await Promise.all([ask(session), ask(session)]))
    await new Promise((resolve) => session.close(resolve))
  }
  console.log(JSON.stringify(all))
}
main()

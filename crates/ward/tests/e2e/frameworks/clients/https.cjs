// So many requests over TLS by HTTP/1.1, each on a connection of its own; prints the answers.
const fs = require('fs')
const https = require('https')

const [port, count] = process.argv.slice(2)
setTimeout(() => process.exit(7), 30_000).unref()

const ask = () => new Promise((resolve, reject) => {
  const options = { agent: false, ca: fs.readFileSync('cert.pem') }
  https.get(`https://localhost:${port}/`, options, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (more) => { text += more })
    response.on('end', () => resolve(JSON.parse(text)))
  }).on('error', reject)
})

const main = async () => {
  const all = []
  for (let done = 0; done < count; done++) all.push(await ask())
  console.log(JSON.stringify(all))
}
main()

// Fetches a path so many times, each on a connection of its own; prints the bodies.
const http = require('http')

const [port, path, count] = process.argv.slice(2)
setTimeout(() => process.exit(7), 30_000).unref()

const ask = () => new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (more) => { text += more })
    response.on('end', () => resolve(text))
  }).on('error', reject)
})

const main = async () => {
  const all = []
  for (let done = 0; done < count; done++) all.push(await ask())
  console.log(JSON.stringify(all))
}
main()

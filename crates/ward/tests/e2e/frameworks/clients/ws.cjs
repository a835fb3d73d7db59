// Talks three times on each of so many connections; prints the answers per connection.
const WebSocket = require('ws')

const [port, count] = process.argv.slice(2)
setTimeout(() => process.exit(7), 30_000).unref()

const talk = () => new Promise((resolve, reject) => {
  const answers = []
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  const say = () => socket.send(`message ${answers.length}`)
  socket.on('open', say)
  socket.on('message', (text) => {
    answers.push(JSON.parse(text))
    if (answers.length < 3) say()
    else socket.close()
  })
  socket.on('close', () => resolve(answers))
  socket.on('error', reject)
})

const main = async () => {
  const all = []
  for (let done = 0; done < count; done++) all.push(await talk())
  console.log(JSON.stringify(all))
}
main()

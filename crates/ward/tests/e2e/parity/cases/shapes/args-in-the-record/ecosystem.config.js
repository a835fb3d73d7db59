module.exports = {apps: [
  {name: 'a', script: 'app.js', args: ''},
  {name: 'b', script: 'app.js', args: ['--port', 3000, '-x']},
  {name: 'c', script: 'app.js', args: []},
  {name: 'd', script: 'app.js', args: 'one "two three" --four=\'five six\''},
  {name: 'e', script: 'app.js', args: 'start'},
]};

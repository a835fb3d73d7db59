module.exports = {apps: [
  {name: 'a', script: '../app.js', cwd: './sub'},
  {name: 'b', script: 'app.js', cwd: __dirname},
  {name: 'c', script: 'app.js', cwd: './'},
]};

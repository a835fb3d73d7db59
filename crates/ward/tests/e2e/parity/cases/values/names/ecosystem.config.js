module.exports = {apps: [
  {name: 'my_app v2', script: 'app.js'}, {name: 'über/app:1', script: 'app.js'}, {name: '42', script: 'app.js'}, {name: 'dot.name', script: 'app.js'},
]};

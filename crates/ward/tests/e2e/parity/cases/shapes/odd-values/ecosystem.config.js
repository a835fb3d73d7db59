module.exports = {apps: [
  {name: 'a', script: 'app.js', min_uptime: 0},
  {name: 'b', script: 'app.js', restart_delay: -1},
  {name: 'c', script: 'app.js', out_file: false},
]};

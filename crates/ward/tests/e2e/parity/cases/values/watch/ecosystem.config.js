module.exports = {apps: [
  {name: 'a', script: 'app.js', watch: true, ignore_watch: ['node_modules', 'got', 'logs'], watch_options: {followSymlinks: false}, watch_delay: 1000},
  {name: 'b', script: 'app.js', watch: ['src', 'conf'], ignore_watch: 'got'},
  {name: 'c', script: 'app.js', watch: false, ignore_watch: ['x']},
]};

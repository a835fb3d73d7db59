module.exports = {apps: [
  {name: 'a', script: 'app.js', cron_restart: '0 3 * * *'},
  {name: 'b', script: 'app.js', cron_restart: '0 0 4 * * 1', autorestart: false},
  {name: 'c', script: 'app.js', cron_restart: '0'},
]};

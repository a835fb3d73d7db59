module.exports = {apps: [
  {name: 'a', script: 'app.js', cron_restart: '40 1/8 * * *'},
  {name: 'b', script: 'app.js', cron_restart: '0 0/2 * * *'},
  {name: 'c', script: 'app.js', cron: '5/15 * * * *'},
]};

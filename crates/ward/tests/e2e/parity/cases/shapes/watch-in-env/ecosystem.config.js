module.exports = {apps: [{name: 'a', script: 'app.js', ignore_watch: ['got'], env_production: {watch: true}}]};

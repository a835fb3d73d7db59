module.exports = {pm2: [{name: 'a', script: 'app.js'}]};

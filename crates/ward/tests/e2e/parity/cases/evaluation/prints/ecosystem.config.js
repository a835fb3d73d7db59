console.log('reading the configuration');
console.error('a complaint of the configuration');
module.exports = {apps: [{name: 'web', script: 'app.js'}]};

module.exports = {apps: [{name: 'web', script: require('./missing')}]};

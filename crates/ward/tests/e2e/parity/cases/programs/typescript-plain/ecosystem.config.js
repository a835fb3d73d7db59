module.exports = {apps: [{name: 'a', script: 'main.ts'}]};

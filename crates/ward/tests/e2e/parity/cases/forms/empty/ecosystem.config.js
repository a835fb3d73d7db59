module.exports = {apps: []};

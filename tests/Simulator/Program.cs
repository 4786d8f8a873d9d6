using Loyalty.Simulator;

return SimulateCommand.Run(args);

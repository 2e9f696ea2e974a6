"""Every benchmark in one table: ``make bench``."""

import numerics
import prediction
import store
import style
import torch
import training

if __name__ == "__main__":
    rows = [*numerics.ratios(), *style.ratios(), *prediction.ratios()]
    figures = training.figures()
    print(f"\ntorch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print(f"{'what':41} {'size':20} {'alternative':40} {'ours':>9} {'its':>10}    {'ratio':>6}  bound")
    for row in rows:
        bound = "    –" if row.bound is None else f"{row.bound:5.3g}"
        sides = f"{row.ours:9.1f} {row.theirs:10.1f} {row.unit}"
        print(f"{row.what:41} {row.size:20} {row.alternative:40} {sides} {row.ratio:6.2f}  {bound}")
    print()
    for name, value in figures.items():
        print(f"{name:62} {value:9.3f}")
    print()
    store.print_figures()

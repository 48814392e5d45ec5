# %% row 68
import matplotlib as mpl, matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (2, 1)
plt.style.use("ggplot")
# %% row 69
fig, ax = plt.subplots()
ax.plot([1, 3, 2]);
# %% row 53, 69: a figure from an earlier cell
ax.set_title("later")
fig
# %% row 53: an animation
from matplotlib.animation import FuncAnimation
moving, = ax.plot([1, 2])
film = FuncAnimation(fig, lambda i: moving.set_ydata([i, 1]), frames=2)
plt.close()
# %% row 53
len(film.to_jshtml()) > 1000, ax.lines[-1] is moving, moving.get_ydata()
# %% row 53: a triangulation, which has a part in C++
import matplotlib.tri
mesh = matplotlib.tri.Triangulation([0, 1, 0, 1, 0.5], [0, 0, 1, 1, 0.5])
finder = mesh.get_trifinder()
# %% row 61
mesh.set_mask([True, False, False, False])
finder(0.5, 0.1), mesh.neighbors
# %% row 53: a colorbar follows its image, a callback of the notebook is called
chart, plane = plt.subplots()
picture = plane.imshow([[0, 1], [2, 3]])
bar, moved = chart.colorbar(picture), []
plane.callbacks.connect("xlim_changed", lambda axes: moved.append(axes.get_xlim()))
# %% row 61
picture.set_clim(0, 9), plane.set_xlim(0, 1)
picture.set_norm(matplotlib.colors.LogNorm(1, 5))
chart
# %% row 61
picture.norm.vmax = 20
bar.vmax, moved
# %% row 53, 69: figures that stay open and are not shown
mpl.use("agg")
# %% row 53, 69
plt.plot([1, 2, 3]); plt.get_fignums()
# %% row 53, 69: a cell goes on with the current one
plt.title("a title"); len(plt.gca().lines), plt.get_fignums()
# %% row 53, 69; in place
open_one = plt.figure(7); plt.figure(1); plt.gca().get_title()
# %% row 53, 69: the job closes one, and another is the current one
plt.close(1); plt.figure("named", figsize=(2, 2)); plt.figure(7)
# %% row 53, 69; in place
plt.get_fignums(), plt.get_figlabels(), plt.gcf() is open_one, type(open_one.canvas).__name__
# %% row 53, 69: live figures; in place
plt.close("all")
get_ipython().run_line_magic("matplotlib", "notebook")
# %% row 53, 69: shown by home
live, (above, below) = plt.subplots(2, figsize=(3, 3)); line, = above.plot([1, 2, 3])
clicked = []
live.canvas.mpl_connect("button_press_event", lambda event: clicked.append(event.xdata)); live.number
# %% row 53, 69: changed
below.imshow([[1, 2]]); line.set_color("red"); plt.gcf() is live
# %% row 53, 69; in place
from matplotlib.backend_bases import MouseEvent
live.canvas.draw()
live.canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", live.canvas, 100, 200, 1))
len(clicked), type(live.canvas).__name__, plt.get_fignums(), line.get_color()
# %% row 53, 69: made while nothing is shown, shown, closed
plt.ioff(); plt.figure(); plt.plot([1, 2]); plt.show()
plt.ion(); plt.close(live); plt.get_fignums()
# %% row 53, 69; in place
plt.get_fignums(), plt.isinteractive()
# %% row 53, 69: the line stands in the cell itself
plt.close("all")
%matplotlib notebook
plt.plot([3, 1, 2]); plt.get_backend() != "agg", plt.get_fignums()
# %% row 53, 69; in place
plt.get_fignums(), plt.get_backend(), plt.close("all")
get_ipython().run_line_magic("matplotlib", "inline")
# %% what a job draws into axes that were there: the frame of a colorbar, labels that are lined up; axes that are mixed; in place
from mpl_toolkits.axes_grid1 import ImageGrid, host_subplot
lined, (left_axes, bar_axes) = plt.subplots(1, 2)
gridded = plt.figure()
image_grid = ImageGrid(gridded, 111, nrows_ncols=(1, 2), axes_pad=0.5, cbar_mode="each")
hosting = plt.figure()
host = host_subplot(111, figure=hosting)
beside_host = host.twinx()
plt.close("all")
# %%
shown_image = left_axes.imshow([[1, 0], [0, 1]])
its_bar = lined.colorbar(shown_image, cax=bar_axes)
left_axes.set_ylabel("two\nlines"); bar_axes.set_ylabel("one"); lined.align_labels()
in_grid = image_grid.cbar_axes[0].colorbar(image_grid[0].imshow([[1, 0], [0, 1]]))
lines_beside = beside_host.plot([1, 2], label="beside")
# %% and here; in place
its_bar.outline is bar_axes.spines["outline"], image_grid.cbar_axes[0] in gridded.axes, beside_host in hosting.axes, [len(list(group)) for group in lined._align_label_groups.values()]
# %% in place
lined
# %% in place
gridded
# %% in place
hosting
